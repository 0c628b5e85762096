/** What a folder below `libraries` says of itself in its `library.ts`. */
import type { ServiceName } from './services/index.ts'

export const TARGETS = ['node', 'cloudflare', 'lambda', 'isolate'] as const
export type Target = (typeof TARGETS)[number]

/** What came back, as the runner compares it. */
export interface Answer {
  status: number
  /** Lower-case names. `set-cookie` has one value per cookie, joined by line breaks. */
  headers: Readonly<Record<string, string>>
  /** Decoded by `content-encoding`. Bytes that are no UTF-8 are base64 behind `base64:`. */
  body: string
}

/** The answers to the requests before, by their names. */
export type Answers = Readonly<Record<string, Answer>>

/** A value, or how it is made of the answers before, such as a cookie of a login. */
export type FromAnswers<Value> = Value | ((answers: Answers) => Value)

/** One request, and what the control must answer for its answer to count as one. */
export interface CorpusRequest {
  /** Unique within the library. */
  name: string
  /** Default: GET, or POST where there is a body. */
  method?: string
  path: FromAnswers<string>
  /** Default: none but those that the body brings. */
  headers?: FromAnswers<Readonly<Record<string, string>>>
  /** JSON is an object or an array; text and bytes are sent as they are. Default: none. */
  body?: FromAnswers<string | Uint8Array | FormData | URLSearchParams | object>
  /**
   * Status that the control must answer: a control that fails would agree with targets that fail alike.
   * Default: 200.
   */
  status?: number
  /** Text that the body of the control must contain. Default: none. */
  contains?: string
}

/** A target that has no build of the library's app. */
export interface Refusal {
  /** What the build's error must name, such as `node:net` or the package. */
  names: string
  /** Why the target cannot have it. */
  reason: string
}

/** A library and how its app is asked. The folder also has `app.ts` (or `app.tsx`), the app itself. */
export interface Library {
  /** The npm packages that this is about. */
  packages: readonly string[]
  /** At least five. They are sent in this order, one after the other. */
  requests: readonly CorpusRequest[]
  /**
   * Servers that the app needs; the library is skipped, by name, where one does not answer. Default: none.
   */
  services?: readonly ServiceName[]
  /** Values of the variables that the app declares, besides those of its services. Default: none. */
  variables?: Readonly<Record<string, string>>
  /**
   * The API that the app calls, served at the variable `UPSTREAM_URL`. Default: none.
   */
  upstream?: (request: Request) => Response | Promise<Response>
  /**
   * What differs from run to run, such as ids and times: each match in a header or a body is compared as
   * `<masked>`. Default: none.
   */
  mask?: readonly RegExp[]
  /** Targets whose build refuses the app. Default: none. */
  refused?: Readonly<Partial<Record<Target, Refusal>>>
}

/** A library with its place. */
export interface NamedLibrary extends Library {
  /** The folder's name. */
  name: string
  /** Absolute path of the folder. */
  dir: string
  /** Absolute path of the app's module. */
  entry: string
}

/** Returns `library`; an editor knows its type by it. */
export function defineLibrary(library: Library): Library {
  return library
}
