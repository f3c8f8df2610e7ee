"""Every Pod range against everything outside its cluster: not flow by flow, but class by class, and none left out."""
