#!/usr/bin/env bash
# The account's four rows. As created, only the first fails.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud container clusters get-credentials my-gke --project="$SOURCE_PROJECT" --location=asia-northeast1-a
echo 'a: Pod to target'; kubectl exec my-pod -- curl -sS -m 5 http://10.2.0.10/health || echo 'no answer'
echo 'b: Pod to test'; kubectl exec my-pod -- curl -sS -m 5 http://10.1.0.4/health || echo 'no answer'
echo 'c: test-gce-01 to target'; gcloud compute ssh test-gce-01 '--command=curl -sS -m 5 http://10.2.0.10/health' --tunnel-through-iap --project="$SOURCE_PROJECT" --zone=asia-northeast1-a || echo 'no answer'
echo 'd: node to target'; gcloud compute ssh '--command=curl -sS -m 5 http://10.2.0.10/health' --tunnel-through-iap --project="$SOURCE_PROJECT" --zone=asia-northeast1-a "$(kubectl get pod my-pod -o 'jsonpath={.spec.nodeName}')" || echo 'no answer'
