"""Compiled GraphQL: a document that comes again is run as a function of its own.

The white list: queries of fields, aliases, arguments, variables, fragments, `@skip` and `@include`,
`__typename`, interfaces and unions, lists, enums and our scalars, connections. Any other document
runs whole on graphql-core, as all do where the setting ``fast_paths`` is off.

Operations stay the only doors: nothing is decided here about who may see what.
"""
