/** The part of Deno's API that this adapter uses. All of it is at https://docs.deno.com/api/deno/. */
export interface DenoNamespace {
  readonly version: { readonly deno: string }
  readonly args: readonly string[]
  readonly env: { get(name: string): string | undefined }
  readonly stdin: { readonly readable: ReadableStream<Uint8Array> }
  serve(
    options: {
      port: number
      hostname: string
      onListen(address: { hostname: string; port: number }): void
      onError?(error: unknown): Response
      automaticCompression?: boolean
    },
    handler: (
      request: Request,
      info: {
        readonly completed: Promise<void>
        readonly remoteAddr: { readonly hostname: string; readonly port: number }
      },
    ) => Response | Promise<Response>,
  ): { shutdown(): Promise<void>; readonly finished: Promise<void> }
  addSignalListener(signal: 'SIGTERM' | 'SIGINT', listener: () => void): void
  exit(code: number): never
}

export const { Deno } = globalThis as unknown as { Deno: DenoNamespace }
