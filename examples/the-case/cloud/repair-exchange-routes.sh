#!/usr/bin/env bash
# exchange-routes: custom routes over the peering: my-network exports them and target-network imports them.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud container clusters get-credentials my-gke --project="$SOURCE_PROJECT" --location=asia-northeast1-a

make() {
gcloud compute networks peerings update to-destination --project="$SOURCE_PROJECT" --network=my-network --export-custom-routes
gcloud compute networks peerings update to-source --project="$DESTINATION_PROJECT" --network=target-network --import-custom-routes
}

undo() {
gcloud compute networks peerings update to-source --project="$DESTINATION_PROJECT" --network=target-network --no-import-custom-routes
gcloud compute networks peerings update to-destination --project="$SOURCE_PROJECT" --network=my-network --no-export-custom-routes
}

case "${1:-make}" in make) make ;; undo) undo ;; *) echo "usage: repair-exchange-routes.sh [make|undo]" >&2; exit 2 ;; esac
