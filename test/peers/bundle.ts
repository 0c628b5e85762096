/** One module of a peer's tests, the harness and an entry that is generated. */
import { join } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'

/** Folder of what runs within the Worker. */
export const WITHIN = join(import.meta.dirname, 'within')

const ENTRY = 'peers-entry'

/** What a bundle is made from. */
export interface BundleInput {
  /** Text of the entry; it imports by absolute paths. */
  entry: string
  /** Modules that stand for others: the import as written, to an absolute path. Default: none. */
  instead?: Readonly<Record<string, string>>
  /** Modules that are given as text: the import as written, to the text. Default: none. */
  texts?: Readonly<Record<string, string>>
  /** Changes the text of a module, named by its absolute path. Default: it stays. */
  change?: (path: string, text: string) => string
}

/** Bundles for a Worker: modules of `node:` and `cloudflare:` stay imports. */
export async function bundleTests({ entry, instead = {}, texts = {}, change }: BundleInput): Promise<string> {
  const virtual: Readonly<Record<string, string>> = { ...texts, [ENTRY]: entry }
  const plugin: Plugin = {
    name: 'peers',
    resolveId: (source) => (virtual[source] === undefined ? instead[source] : `\0${source}`),
    load: (id) => (id.startsWith('\0') ? (virtual[id.slice(1)] ?? null) : null),
    transform: (text, id) =>
      change === undefined || id.startsWith('\0') ? null : { code: change(id, text) },
  }
  const build = await rolldown({
    input: ENTRY,
    external: (source) => /^(?:cloudflare|node):/.test(source) && instead[source] === undefined,
    platform: 'neutral',
    plugins: [plugin],
    logLevel: 'silent',
    treeshake: false,
    // The peers' own extend others that are not taken out of the checkout.
    tsconfig: false,
  })
  try {
    const { output } = await build.generate({ format: 'esm', codeSplitting: false })
    return output[0].code
  } finally {
    await build.close()
  }
}
