/** The assets of an app under `vite dev`: `env.NAME.fetch` answers with what Vite serves. */
import type { AssetsDriver, DriverFactory } from '../../bindings/drivers.ts'
import type { DriverOptionTables, OptionTable } from '../../option-table.ts'

interface ViteAssetsOptions {
  /** Origin at which the plugin serves files alone. */
  url: string
}

export const options = {
  assets: { url: 'string' } satisfies OptionTable<ViteAssetsOptions>,
} satisfies DriverOptionTables

/** Assets driver that asks the Vite server beside the app. */
export const assets: DriverFactory<'assets', ViteAssetsOptions> = ({ url }): Promise<AssetsDriver> =>
  Promise.resolve({
    async serve(request, { fallback = 'navigation' } = {}) {
      // A request from outside has passed Vite, which had no file for it.
      if (fallback === 'navigation') return undefined
      const { pathname, search } = new URL(request.url)
      const { method, headers, signal } = request
      const response = await fetch(`${url}${pathname}${search}`, {
        method,
        headers,
        signal,
        redirect: 'manual',
      })
      if (response.status !== 404) return response
      await response.body?.cancel()
      return undefined
    },
  })
