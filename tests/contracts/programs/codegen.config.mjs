export default {
  schema: process.env.SDL,
  documents: ["documents/*.graphql", "codegen.ts"],
  generates: {
    "./gql/": {
      preset: "client",
      config: {
        documentMode: "string",
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: { Money: "string", DateTime: "string", JSON: "Record<string, unknown>" },
      },
    },
  },
};
