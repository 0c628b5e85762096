/** What a Worker imports as `cloudflare:sockets`: refused by name when it is used. */

/** @throws always. */
export function connect(): never {
  throw new Error(
    'cloudflare:sockets is not supported outside of Cloudflare. Reach the server over HTTP, or through a driver of the target (a D1 database on Postgres, for example).',
  )
}
