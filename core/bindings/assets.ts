import type { AssetsDriver } from './drivers.ts'

/** The static files of an app, as a binding from which the app itself fetches them. */
export interface Assets {
  /**
   * Answers a request for one of the app's static files: 200, 206, 304, 416 or a 307 to the canonical path;
   * 404 if there is no such file, and 405 for methods other than GET and HEAD.
   *
   * @example
   * ```ts
   * return env.files.fetch('/index.html')
   * ```
   */
  fetch(input: Request | string | URL, init?: RequestInit): Promise<Response>
}

/** Creates {@link Assets} from a driver of static files. */
export function createAssets(driver: AssetsDriver): Assets {
  return {
    async fetch(input, init) {
      const target = typeof input === 'string' && input.startsWith('/') ? `http://assets${input}` : input
      const request = new Request(target, init)
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return new Response('Method Not Allowed', { status: 405, headers: { allow: 'GET, HEAD' } })
      return (
        (await driver.serve(request, { fallback: 'always' })) ?? new Response('Not Found', { status: 404 })
      )
    },
  }
}
