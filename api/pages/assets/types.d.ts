// Shapes that the scripts of the explorer and of the operators' page share. Browsers never load this file.

// GraphQL's schema language

type SdlField = { name: string; type: string; args: SdlField[] };
type SdlType = { kind: string; fields: SdlField[] };
type Sdl = Map<string, SdlType>;

/** Texts by name, such as headers or labels. */
type Texts = Record<string, string>;

// The contracts

type JsonSchema = Record<string, any>;
type Values = Record<string, any>;
type Field = { name: string; schema: JsonSchema; required?: boolean; description?: string };
type Input = Field & { place: "path" | "query" | "body" };
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
  streams: boolean;
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
  /** `query`, `mutation` or `subscription`. */
  kind: string;
  ownErrors: string[];
};
type Contract = {
  operations: Operation[];
  byName: Map<string, Operation>;
  bases: Record<string, string>;
  sdl: Sdl;
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
  reads: "json" | "file" | "nothing" | "stream";
};

type GraphqlAsked = { query: string; variables?: any; operationName?: string | null };
type GraphqlError = { message: string; extensions?: { code?: string; hint?: string; docUrl?: string } };
type GraphqlAnswer = { data?: any; errors?: GraphqlError[] };

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
/** An operation on the page. */
type Shown = { contract: Contract; state: State; operation: Operation };
/** Where a field's value is. */
type Place = { get: () => any; set: (value: any) => void };
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

// Elements

type Listener = (event: any) => any;
type Properties = {
  [name: string]: any;
  onchange?: Listener;
  onclick?: Listener;
  oninput?: Listener;
  onkeydown?: Listener;
  onsubmit?: Listener;
  ontoggle?: Listener;
};

// Who is signed in

type Session = {
  accessToken: string;
  refreshToken: string;
  /** In milliseconds, as the browser counts them. */
  expiresAt: number;
  user: { id: string; email: string; role: string; fullName: string };
};

/** Writes a value of a plot. */
type Show = (value: number) => string;
