#!/usr/bin/env bash
# vpc-native: the cluster is rebuilt VPC-native, its Pods in 172.17.0.0/16, a secondary range of my-subnet; and target-network lets in tcp:80 from 172.17.0.0/16.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud container clusters get-credentials my-gke --project="$SOURCE_PROJECT" --location=asia-northeast1-a

make() {
gcloud compute networks subnets update my-subnet --add-secondary-ranges=my-gke-pods=172.17.0.0/16 --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud container clusters create my-gke-native --enable-ip-alias --network=projects/"$SOURCE_PROJECT"/global/networks/my-network --subnetwork=projects/"$SOURCE_PROJECT"/regions/asia-northeast1/subnetworks/my-subnet --cluster-secondary-range-name=my-gke-pods --project="$SOURCE_PROJECT" --location=asia-northeast1-a
gcloud compute firewall-rules create allow-tcp80-from-172-17-0-0-16-to-target-network --project="$DESTINATION_PROJECT" --network=target-network --direction=INGRESS --priority=1000 --action=ALLOW --rules=tcp:80 --source-ranges=172.17.0.0/16
}

undo() {
gcloud compute firewall-rules delete allow-tcp80-from-172-17-0-0-16-to-target-network --project="$DESTINATION_PROJECT" --quiet
gcloud container clusters delete my-gke-native --project="$SOURCE_PROJECT" --location=asia-northeast1-a
gcloud compute networks subnets update my-subnet --remove-secondary-ranges=my-gke-pods --project="$SOURCE_PROJECT" --region=asia-northeast1
}

case "${1:-make}" in make) make ;; undo) undo ;; *) echo "usage: repair-vpc-native.sh [make|undo]" >&2; exit 2 ;; esac
