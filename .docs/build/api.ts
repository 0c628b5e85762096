/** The API reference: one Markdown page for each public entry of the package, written by TypeDoc. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { Application } from 'typedoc'
import { readAnchors } from '../../test/checks/markdown.ts'
import { packageEntries } from '../../test/checks/package.ts'
import { type Group, type Page, twinOf } from './page.ts'

/** Path of the page that lists the entries. */
const INDEX = 'api/index.html'

/**
 * Writes the reference of the entries that users may import, from the declarations in `dist`. Entries are
 * named by what a user writes in an import.
 */
export async function readApi(root: string): Promise<Group> {
  const entries = packageEntries(root)
    .filter(({ internal }) => !internal)
    .sort((a, b) => (a.specifier < b.specifier ? -1 : 1))
  const out = await mkdtemp(join(tmpdir(), 'unmoor-api-'))
  try {
    await writeMarkdown(root, out, new Map(entries.map((entry) => [entry.declarations, entry.specifier])))
    const pages = entries.map(({ specifier }): Page => {
      const markdown = introduce(specifier, readFileSync(join(out, `${specifier}.md`), 'utf8'))
      return {
        source: undefined,
        path: `api/${specifier}.html`,
        title: specifier,
        label: specifier,
        markdown,
        kind: 'api',
      }
    })
    return { title: 'API', pages: [indexPage(pages), ...mendAnchors(pages)] }
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

/** Options of the plugin, which TypeDoc's types do not know: a page for each entry, without a frame around it. */
const PLUGIN_OPTIONS = {
  router: 'module',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  parametersFormat: 'table',
}

async function writeMarkdown(root: string, out: string, names: ReadonlyMap<string, string>): Promise<void> {
  const app = await Application.bootstrapWithPlugins({
    entryPoints: [...names.keys()],
    tsconfig: join(root, '.docs/tsconfig.api.json'),
    plugin: ['typedoc-plugin-markdown'],
    outputs: [{ name: 'markdown', path: out }],
    ...PLUGIN_OPTIONS,
    name: 'API',
    readme: 'none',
    basePath: root,
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    // `npm run typecheck` and `npm run check:exports` find what these would tell.
    skipErrorChecking: true,
    validation: false,
    logLevel: 'Warn',
  })
  const project = await app.convert()
  if (project === undefined) throw new Error('TypeDoc could not read the declarations in dist.')
  for (const module of project.children ?? []) {
    const file = project.getSymbolIdFromReflection(module)?.fileName ?? ''
    const specifier = names.get(file)
    if (specifier === undefined) throw new Error(`TypeDoc read "${file}", which is no entry of the package.`)
    module.name = specifier
  }
  await app.generateOutputs(project)
  if (app.logger.hasErrors()) throw new Error('TypeDoc could not write the reference: see above.')
}

/**
 * Takes the number off an anchor that no heading has. The plugin numbers the anchor of an export whose name is
 * also that of a type with a member: `SqlValue`, beside the member `value` of `Sql`.
 */
function mendAnchors(pages: readonly Page[]): Page[] {
  const anchors = new Map(pages.map(({ path, markdown }) => [twinOf(path), new Set(readAnchors(markdown))]))
  return pages.map((page) => ({
    ...page,
    markdown: page.markdown.replaceAll(
      /\]\(([^)\s#]*)#([^)\s]+)\)/g,
      (link, file: string, anchor: string) => {
        const target = file === '' ? twinOf(page.path) : posix.join(posix.dirname(page.path), file)
        const name = anchor.replace(/-\d+$/, '')
        const known = anchors.get(target)
        return known?.has(anchor) === false && known.has(name) ? `](${file}#${name})` : link
      },
    ),
  }))
}

/** Returns the names of an entry's exports, the first few as text. */
function exportsOf(markdown: string): string {
  const names = [...markdown.matchAll(/^### (.+)$/gm)].map(([, name = '']) => name.replaceAll('\\', ''))
  const shown = names.slice(0, 8).map((name) => `\`${name}\``)
  return shown.join(', ') + (names.length > shown.length ? ` and ${names.length - shown.length} more` : '')
}

/** Adds a first paragraph below the title. */
function introduce(specifier: string, markdown: string): string {
  const text = `The entry \`${specifier}\` of the package exports ${exportsOf(markdown)}.`
  return markdown.replace(/^# .+\n/, (title) => `${title}\n${text}\n`)
}

function indexPage(pages: readonly Page[]): Page {
  const lines = pages.map(
    ({ title, path, markdown }) =>
      `| [\`${title}\`](${twinOf(path).slice('api/'.length)}) | ${exportsOf(markdown)} |`,
  )
  const markdown = [
    '# API reference',
    '',
    'Every entry of the package that an app, a config or a test imports, with all that it exports, from the ' +
      'types that are published.',
    '',
    '| entry | exports |',
    '| --- | --- |',
    ...lines,
    '',
  ].join('\n')
  return {
    source: undefined,
    path: INDEX,
    title: 'API reference',
    label: 'All entries',
    markdown,
    kind: 'api',
  }
}
