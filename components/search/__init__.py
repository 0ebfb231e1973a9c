"""Search: an items table becomes one sealed index; a query becomes ranked items, with facets and what was changed."""
