#!/usr/bin/env bash
# The account's two projects: networks, peering, machines, cluster, Pod.
#
# Made by generate.py: change that one. Not run against Google by us: read it before you do. It costs money until delete.sh.
# SOURCE_PROJECT and DESTINATION_PROJECT are two projects of yours, in which you may make networks, machines and clusters.
set -euo pipefail
: "${SOURCE_PROJECT:?}" "${DESTINATION_PROJECT:?}"

gcloud compute networks create target-network --subnet-mode=custom --bgp-routing-mode=regional --project="$DESTINATION_PROJECT"
gcloud compute networks create my-network --subnet-mode=custom --bgp-routing-mode=regional --project="$SOURCE_PROJECT"
gcloud compute networks subnets create target-subnet --network=target-network --range=10.2.0.0/16 --project="$DESTINATION_PROJECT" --region=asia-northeast1
gcloud compute networks subnets create my-subnet --network=my-network --range=10.1.0.0/16 --project="$SOURCE_PROJECT" --region=asia-northeast1
gcloud compute firewall-rules create target-network-allow-internal --network=target-network --direction=INGRESS --priority=1000 --action=ALLOW --rules=tcp,udp,icmp --source-ranges=10.2.0.0/16 --project="$DESTINATION_PROJECT"
gcloud compute firewall-rules create target-network-allow-source --network=target-network --direction=INGRESS --priority=1000 --action=ALLOW --rules=tcp,udp,icmp --source-ranges=10.1.0.0/16,172.16.0.0/16 --project="$DESTINATION_PROJECT"
gcloud compute firewall-rules create my-network-allow-destination --network=my-network --direction=INGRESS --priority=1000 --action=ALLOW --rules=tcp,udp,icmp --source-ranges=10.2.0.0/16 --project="$SOURCE_PROJECT"
gcloud compute firewall-rules create my-network-allow-internal --network=my-network --direction=INGRESS --priority=1000 --action=ALLOW --rules=tcp,udp,icmp --source-ranges=10.1.0.0/16,172.16.0.0/16 --project="$SOURCE_PROJECT"
gcloud compute firewall-rules create my-network-allow-ssh --network=my-network --direction=INGRESS --priority=1000 --action=ALLOW --rules=tcp:22 --source-ranges=35.235.240.0/20 --project="$SOURCE_PROJECT"
gcloud compute networks peerings create to-source --network=target-network --peer-project="$SOURCE_PROJECT" --peer-network=my-network --project="$DESTINATION_PROJECT"
gcloud compute networks peerings create to-destination --network=my-network --peer-project="$DESTINATION_PROJECT" --peer-network=target-network --project="$SOURCE_PROJECT"
gcloud compute instances create target-gce-01 --machine-type=e2-small --image-family=debian-12 --image-project=debian-cloud --subnet=projects/"$DESTINATION_PROJECT"/regions/asia-northeast1/subnetworks/target-subnet --private-network-ip=10.2.0.10 --no-address --metadata-from-file=startup-script=/dev/stdin --project="$DESTINATION_PROJECT" --zone=asia-northeast1-a <<'EOF'
#!/bin/sh
mkdir -p /srv/web && echo healthy >/srv/web/health
cd /srv/web && exec python3 -m http.server 80
EOF
gcloud compute instances create test-gce-01 --machine-type=e2-small --image-family=debian-12 --image-project=debian-cloud --subnet=projects/"$SOURCE_PROJECT"/regions/asia-northeast1/subnetworks/my-subnet --private-network-ip=10.1.0.4 --no-address --metadata-from-file=startup-script=/dev/stdin --project="$SOURCE_PROJECT" --zone=asia-northeast1-a <<'EOF'
#!/bin/sh
mkdir -p /srv/web && echo healthy >/srv/web/health
cd /srv/web && exec python3 -m http.server 80
EOF
gcloud container clusters create my-gke --network=projects/"$SOURCE_PROJECT"/global/networks/my-network --subnetwork=projects/"$SOURCE_PROJECT"/regions/asia-northeast1/subnetworks/my-subnet --cluster-ipv4-cidr=172.16.0.0/16 --no-enable-ip-alias --num-nodes=2 --project="$SOURCE_PROJECT" --location=asia-northeast1-a
gcloud container clusters get-credentials my-gke --project="$SOURCE_PROJECT" --location=asia-northeast1-a
kubectl run my-pod --image=curlimages/curl --command -- sleep infinity
kubectl wait pod my-pod --for=condition=Ready --timeout=5m
