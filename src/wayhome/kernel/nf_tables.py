"""The numbers by which nf_tables' netlink interface names messages and the attributes of what is in a table.

Elements and expressions have their own, in `elements` and `expressions`. Source: linux/netfilter/nf_tables.h.
"""

NFT_MSG_NEWTABLE, NFT_MSG_GETTABLE, NFT_MSG_DELTABLE = 0, 1, 2
NFT_MSG_NEWCHAIN, NFT_MSG_GETCHAIN, NFT_MSG_DELCHAIN = 3, 4, 5
NFT_MSG_NEWRULE, NFT_MSG_GETRULE, NFT_MSG_DELRULE = 6, 7, 8
NFT_MSG_NEWSET, NFT_MSG_GETSET, NFT_MSG_DELSET = 9, 10, 11
NFT_MSG_NEWOBJ, NFT_MSG_GETOBJ, NFT_MSG_DELOBJ = 18, 19, 20

NFTA_TABLE_NAME, NFTA_TABLE_FLAGS, NFTA_TABLE_USE, NFTA_TABLE_USERDATA = 1, 2, 3, 6
NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK = 1, 3, 4
NFTA_CHAIN_POLICY, NFTA_CHAIN_TYPE = 5, 7
NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY = 1, 2
NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS, NFTA_RULE_USERDATA = 1, 2, 4, 7
NFTA_SET_TABLE, NFTA_SET_NAME, NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN = 1, 2, 3, 4, 5
NFTA_SET_ID, NFTA_SET_USERDATA, NFTA_SET_EXPR = 10, 13, 17
NFTA_OBJ_TABLE, NFTA_OBJ_NAME, NFTA_OBJ_TYPE, NFTA_OBJ_DATA = 1, 2, 3, 4
NFTA_COUNTER_BYTES, NFTA_COUNTER_PACKETS = 1, 2

NFT_TABLE_F_DORMANT, NFT_TABLE_F_OWNER = 1, 2
NFT_OBJECT_COUNTER = 1

HOOKS = {0: "prerouting", 1: "input", 2: "forward", 3: "output", 4: "postrouting", 5: "ingress"}
POLICIES = {0: "drop", 1: "accept"}
KEY_TYPES = {7: "ipv4_addr", 8: "ipv6_addr"}
"""nft's own numbers, which the kernel keeps for it."""
SET_FLAGS = {0: "", 4: "interval"}

NFTNL_UDATA_COMMENT = 0
"""nft keeps comments of tables and rules in user data, as type, length (a byte each) and a string."""
NFTNL_UDATA_SET_KEYBYTEORDER = 0
"""And in a set's the order of its keys' bytes."""
NFT_BYTEORDER_BIG_ENDIAN = 2
"""nft's own number for the network's order (BYTEORDER_BIG_ENDIAN)."""
