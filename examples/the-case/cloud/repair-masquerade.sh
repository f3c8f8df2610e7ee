#!/usr/bin/env bash
# masquerade: Pods get their node's address towards 10.2.0.0/16.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud container clusters get-credentials my-gke --project="$SOURCE_PROJECT" --location=asia-northeast1-a

make() {
kubectl create configmap ip-masq-agent --namespace kube-system --from-file=config=/dev/stdin <<'EOF'
nonMasqueradeCIDRs:
  - 10.0.0.0/15
  - 10.3.0.0/16
  - 10.4.0.0/14
  - 10.8.0.0/13
  - 10.16.0.0/12
  - 10.32.0.0/11
  - 10.64.0.0/10
  - 10.128.0.0/9
  - 172.16.0.0/12
  - 192.168.0.0/16
masqLinkLocal: false
masqLinkLocalIPv6: false
cidrLimit: 64
resyncInterval: 60s
EOF
}

undo() {
kubectl delete configmap ip-masq-agent --namespace kube-system
}

case "${1:-make}" in make) make ;; undo) undo ;; *) echo "usage: repair-masquerade.sh [make|undo]" >&2; exit 2 ;; esac
