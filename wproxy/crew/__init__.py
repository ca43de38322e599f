"""The processes of `nbthread N`: a supervisor that owns the state, and workers that serve clients."""
