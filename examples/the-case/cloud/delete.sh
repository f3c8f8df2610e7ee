#!/usr/bin/env bash
# Deletes what create.sh made.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud container clusters delete my-gke --quiet --project="$SOURCE_PROJECT" --location=asia-northeast1-a
gcloud compute instances delete target-gce-01 --quiet --project="$DESTINATION_PROJECT" --zone=asia-northeast1-a
gcloud compute instances delete test-gce-01 --quiet --project="$SOURCE_PROJECT" --zone=asia-northeast1-a
gcloud compute networks peerings delete to-source --network=target-network --project="$DESTINATION_PROJECT"
gcloud compute networks peerings delete to-destination --network=my-network --project="$SOURCE_PROJECT"
gcloud compute firewall-rules delete target-network-allow-internal --quiet --project="$DESTINATION_PROJECT"
gcloud compute firewall-rules delete target-network-allow-source --quiet --project="$DESTINATION_PROJECT"
gcloud compute firewall-rules delete my-network-allow-destination --quiet --project="$SOURCE_PROJECT"
gcloud compute firewall-rules delete my-network-allow-internal --quiet --project="$SOURCE_PROJECT"
gcloud compute firewall-rules delete my-network-allow-ssh --quiet --project="$SOURCE_PROJECT"
gcloud compute networks subnets delete target-subnet --quiet --project="$DESTINATION_PROJECT" --region=asia-northeast1
gcloud compute networks subnets delete my-subnet --quiet --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud compute networks delete target-network --quiet --project="$DESTINATION_PROJECT"
gcloud compute networks delete my-network --quiet --project="$SOURCE_PROJECT"
