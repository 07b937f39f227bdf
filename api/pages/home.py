"""The first page."""

LINKS = """\
<p>An order-management backend whose GraphQL API and REST API are one API with two faces.</p>
<ul>
<li><a href="/graphql">GraphQL</a> at <code>/graphql</code>, its
<a href="/graphql/schema.graphql">schema</a></li>
<li>REST at <code>/api/v2</code> and <code>/api/v1</code>, their OpenAPI documents
<a href="/openapi-v2.json">v2</a> and <a href="/openapi-v1.json">v1</a></li>
<li><a href="/docs">Operations</a> and <a href="/errors">errors</a>, on both faces the same
(<a href="/operations">as JSON</a>)</li>
<li><a href="/health">Health</a></li>
</ul>
"""
