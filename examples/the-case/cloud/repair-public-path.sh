#!/usr/bin/env bash
# public-path: the Pod asks target-gce-01 at a public address, and comes from a public address of Cloud NAT.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud container clusters get-credentials my-gke --project="$SOURCE_PROJECT" --location=asia-northeast1-a

make() {
gcloud compute addresses create nat-of-my-subnet --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud compute routers create nat-of-my-subnet --network=my-network --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud compute routers nats create nat-of-my-subnet --router=nat-of-my-subnet --nat-custom-subnet-ip-ranges=my-subnet --nat-external-ip-pool=nat-of-my-subnet --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud compute addresses create target-gce-01-public --project="$DESTINATION_PROJECT" --region=asia-northeast1
gcloud compute instances add-access-config target-gce-01 --project="$DESTINATION_PROJECT" --zone=asia-northeast1-a --address="$(gcloud compute addresses describe target-gce-01-public '--format=value(address)' --project="$DESTINATION_PROJECT" --region=asia-northeast1)"
gcloud compute firewall-rules create allow-nat-of-my-subnet-to-target-gce-01 --project="$DESTINATION_PROJECT" --network=target-network --direction=INGRESS --allow=tcp:80 --source-ranges="$(gcloud compute addresses describe nat-of-my-subnet '--format=value(address)' --project="$SOURCE_PROJECT" --region=asia-northeast1)/32"
}

undo() {
gcloud compute firewall-rules delete allow-nat-of-my-subnet-to-target-gce-01 --project="$DESTINATION_PROJECT" --quiet
gcloud compute instances delete-access-config target-gce-01 --access-config-name=external-nat --project="$DESTINATION_PROJECT" --zone=asia-northeast1-a
gcloud compute addresses delete target-gce-01-public --quiet --project="$DESTINATION_PROJECT" --region=asia-northeast1
gcloud compute routers delete nat-of-my-subnet --quiet --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud compute addresses delete nat-of-my-subnet --quiet --project="$SOURCE_PROJECT" --region=asia-northeast1
}

case "${1:-make}" in make) make ;; undo) undo ;; *) echo "usage: repair-public-path.sh [make|undo]" >&2; exit 2 ;; esac
