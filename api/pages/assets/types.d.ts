// Shapes that the scripts of the explorer and of the operators' page share. Browsers never load this file.

// GraphQL's schema language

type SdlField = { name: string; type: string; args: SdlField[] };
type SdlType = { kind: string; fields: SdlField[] };
type Sdl = Map<string, SdlType>;

// The contracts

type JsonSchema = Record<string, any>;
type Values = Record<string, any>;
type Input = {
  name: string;
  place: "path" | "query" | "body";
  schema: JsonSchema;
  required: boolean;
  description: string;
};
/** An operation as the catalogue has it. */
type Declared = {
  name: string;
  summary: string;
  who: string;
  permissions: string[];
  errors: string[];
  writes: boolean;
  idempotent: "none" | "optional" | "required";
  conditional: boolean;
  paged: boolean;
  cost: number;
  deprecated: { since: string; sunset: string; reason: string } | null;
  graphql: string;
  rest: { method: string; path: string };
};
/** An operation with what OpenAPI and the GraphQL schema say of it. */
type Operation = Declared & {
  noun: string;
  description: string;
  inputs: Input[];
  answer: JsonSchema | null;
  isFile: boolean;
  hasBody: boolean;
  needsBody: boolean;
  /** The root field, and the one in it where the operation is nested. */
  fields: SdlField[];
  isMutation: boolean;
  ownErrors: string[];
};
type Contract = {
  operations: Operation[];
  byName: Map<string, Operation>;
  bases: Record<string, string>;
  sdl: Sdl;
  components: Record<string, any>;
  openapi: any;
};

// Calls and answers

type Face = "rest" | "graphql";
type Call = { values: Values; key: string; ifMatch: string };
type RestRequest = { method: string; path: string; headers: Record<string, string>; body: any };
type GraphqlBody = { query: string; variables: Values };
type Answer = { status: number; headers: Headers; body: any; text: string; millis: number };
type Failure = { code: string; status: number; fields: any[]; details: any };
type Outcome = { value?: any; error?: Failure; etag: string | null; replayed: boolean };
type Run = { face: Face; answer: Answer; outcome: Outcome };
type Difference = { path: string; rest: any; graphql: any };
/** Runs again with other values, of which each face has its own. */
type Turn = (rest: Values, graphql: Values) => void;
type Sample = {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: any;
  type: string;
  reads: "json" | "file" | "nothing";
};

// The page

type State = {
  operation: Operation | null;
  values: Values;
  rest: string;
  first: Face;
  key: string;
  isSpent: boolean;
  ifMatch: string;
  language: string;
  /** GraphQL's values, where they differ from REST's. */
  crossed: Values | null;
};
/** Where a field's value is. */
type Place = { get: () => any; set: (value: any) => void };
type Field = { name: string; schema: JsonSchema; required?: boolean; description?: string };
/** What a form belongs to. */
type Setting = {
  contract: Contract;
  operation: Operation;
  change: () => void;
  redraw: (focus?: string) => void;
  pick: (list: Operation) => Promise<any[]>;
};

// The operators' page

type Counted = { labels: Record<string, string>; value: number };
type Metrics = { help: Map<string, string>; samples: Map<string, Counted[]>; at: number };
type Calls = {
  operation: string;
  calls: number;
  refused: number;
  failed: number;
  limited: number;
  faces: Record<string, number>;
  mean: number;
  p95: number | null;
};
type Operations = Map<string, Declared>;
