#!/usr/bin/env bash
# Back to where the Pod is not answered: takes back what was repaired in place.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud container clusters get-credentials my-gke --project="$SOURCE_PROJECT" --location=asia-northeast1-a
kubectl delete configmap ip-masq-agent --namespace kube-system || true
gcloud compute networks peerings update to-source --project="$DESTINATION_PROJECT" --network=target-network --no-import-custom-routes || true
gcloud compute networks peerings update to-destination --project="$SOURCE_PROJECT" --network=my-network --no-export-custom-routes || true
