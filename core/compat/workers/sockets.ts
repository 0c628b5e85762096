/** What a Worker imports as `cloudflare:sockets`: refused by name when it is used. */

/** @throws always; also what `connect` of a Fetcher is. */
export function connect(_address: unknown): never {
  throw new Error(
    'connect() of cloudflare:sockets is not supported outside of Cloudflare. Reach the server over ' +
      'HTTP, or through a driver of the target (a D1 database on Postgres, for example).',
  )
}
