import { encode, encodedPath, toHeaders, type HttpParts } from './http-parts.ts'

/** The fields that are read of a VPC Lattice event, structure 2.0; `aws-lambda` has no type for it. */
export interface LatticeEvent {
  readonly version?: string | undefined
  readonly method: string
  /** Path of a VPC Lattice event with the query, as the client sent it. */
  readonly path: string
  readonly headers?: Readonly<Record<string, readonly string[] | undefined>> | null | undefined
  readonly queryStringParameters?:
    | Readonly<Record<string, readonly string[] | string | undefined>>
    | null
    | undefined
  readonly body?: string | null | undefined
  readonly isBase64Encoded?: boolean | undefined
  readonly requestContext: { readonly serviceArn: string }
}

/** True if `event`, which has a request context, comes from VPC Lattice. */
function isLatticeEvent(event: object): event is LatticeEvent {
  const { method, path, requestContext } = event as Partial<LatticeEvent>
  return (
    typeof requestContext?.serviceArn === 'string' && typeof method === 'string' && typeof path === 'string'
  )
}

/**
 * Reads a VPC Lattice event; undefined for every other event. The host header names the service's host,
 * because Lattice routes by it.
 */
export function readLattice(event: object): HttpParts | undefined {
  if (!isLatticeEvent(event)) return undefined
  const { path, method, body, isBase64Encoded } = event
  const at = path.indexOf('?')
  return {
    source: 'lattice',
    method,
    host: undefined,
    sourceIp: undefined,
    protocol: 'https',
    path: encodedPath(at < 0 ? path : path.slice(0, at)),
    query: at < 0 ? parameters(event) : path.slice(at + 1),
    headers: toHeaders(event.headers),
    body,
    isBase64Encoded,
  }
}

/** Returns the query of VPC Lattice events whose path does not contain it. */
function parameters({ queryStringParameters }: LatticeEvent): string {
  return Object.entries(queryStringParameters ?? {})
    .flatMap(([name, values]) =>
      (typeof values === 'string' ? [values] : (values ?? [])).map(
        (value) => `${encode(name)}=${encode(value)}`,
      ),
    )
    .join('&')
}
