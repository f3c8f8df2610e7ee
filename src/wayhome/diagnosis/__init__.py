"""Why a flow is lost, and what would repair it: questions about an estate, causes, and repairs that were replayed."""
