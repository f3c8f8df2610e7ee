"""A small API server, for tests and demonstrations only.

It answers what kube-apiserver 1.36 answers as far as that is documented and the project asks for it: list and watch
with resourceVersions that count, a bounded history, bookmarks, selectors, create, update, merge patch, server-side
apply, status subresources, dry runs, RBAC by verb, resource and name (of rules that a test gives, and of the Roles and
bindings that are stored), service accounts and their tokens, access reviews; ephemeral containers and `pods/exec`, which run real programs
where a test has said how. What it lacks: admission, defaulting, most validation, Table and protobuf output, garbage
collection, SPDY.

Everything that goes wrong with a real one goes wrong with it on request (`faults`), and every call is recorded.

Source: Kubernetes API concepts (https://kubernetes.io/docs/reference/using-api/api-concepts/), API conventions
(kubernetes/community, contributors/devel/sig-architecture/api-conventions.md), Server-Side Apply, Using RBAC
Authorization; messages as kube-apiserver words them.
"""
