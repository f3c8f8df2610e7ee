#!/usr/bin/env bash
# shared-vpc: the cluster is rebuilt in target-network of destination-project, nodes in 10.0.0.0/24 and Pods in 172.17.0.0/16; and target-network lets in tcp:80 from 172.17.0.0/16.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud container clusters get-credentials my-gke --project="$SOURCE_PROJECT" --location=asia-northeast1-a

make() {
gcloud compute shared-vpc enable "$DESTINATION_PROJECT"
gcloud compute shared-vpc associated-projects add "$SOURCE_PROJECT" --host-project="$DESTINATION_PROJECT"
gcloud compute networks subnets create my-gke-nodes --project="$DESTINATION_PROJECT" --network=target-network --region=asia-northeast1 --range=10.0.0.0/24 --secondary-range=my-gke-pods=172.17.0.0/16
gcloud container clusters create my-gke-native --enable-ip-alias --network=projects/"$DESTINATION_PROJECT"/global/networks/target-network --subnetwork=projects/"$DESTINATION_PROJECT"/regions/asia-northeast1/subnetworks/my-gke-nodes --cluster-secondary-range-name=my-gke-pods --project="$SOURCE_PROJECT" --location=asia-northeast1-a
gcloud compute firewall-rules create allow-tcp80-from-172-17-0-0-16-to-target-network --project="$DESTINATION_PROJECT" --network=target-network --direction=INGRESS --priority=1000 --action=ALLOW --rules=tcp:80 --source-ranges=172.17.0.0/16
}

undo() {
gcloud compute firewall-rules delete allow-tcp80-from-172-17-0-0-16-to-target-network --project="$DESTINATION_PROJECT" --quiet
gcloud container clusters delete my-gke-native --project="$SOURCE_PROJECT" --location=asia-northeast1-a
gcloud compute networks subnets delete my-gke-nodes --project="$DESTINATION_PROJECT" --region=asia-northeast1 --quiet
gcloud compute shared-vpc associated-projects remove "$SOURCE_PROJECT" --host-project="$DESTINATION_PROJECT"
}

case "${1:-make}" in make) make ;; undo) undo ;; *) echo "usage: repair-shared-vpc.sh [make|undo]" >&2; exit 2 ;; esac
