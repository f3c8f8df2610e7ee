"""API mode's way to the cluster: what the flags and the Pod say, made into a client and a source.

Imported in API mode only: it brings ssl.
"""

from wayhome.agent.api_arguments import ApiOptions
from wayhome.agent.api_source import ApiSource
from wayhome.kube.client import Client
from wayhome.kube.configmap_watch import ConfigMapWatch
from wayhome.kube.in_cluster import in_cluster
from wayhome.kube.kubeconfig import from_kubeconfig

USER_AGENT = "wayhome-agent"


def open_client(options: ApiOptions) -> Client:
    """Who is asked, and as whom. Raises CredentialsError for what no waiting mends.

    A token or certificate that is missing or refused is none of that: it is looked for with each request.
    """
    access = from_kubeconfig([options.kubeconfig]) if options.kubeconfig else in_cluster()
    return Client(access, user_agent=USER_AGENT)


def open_source(options: ApiOptions, client: Client) -> ApiSource:
    """The ConfigMaps that the flags name."""
    return ApiSource(
        lambda changed: ConfigMapWatch(
            client, options.configmaps, options.key, changed=changed, node=options.node
        )
    )
