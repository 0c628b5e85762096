/** Finds the Markdown files of the repository that become pages, and the groups in which they stand. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { readPackage } from '../../test/checks/package.ts'
import { type Group, type Page, type PageKind, type Site, titleOf } from './page.ts'

/** A group of files that lie in the repository, in the order of the navigation. */
interface Shelf {
  readonly title: string
  readonly kind: PageKind
  /** Patterns of paths. The files of one pattern are sorted by name. */
  readonly files: readonly string[]
}

const SHELVES: readonly Shelf[] = [
  {
    title: 'Targets',
    kind: 'reference',
    files: [
      'adapters/{cloudflare,isolate,lambda,node}/README.md',
      'adapters/isolate/host/README.md',
      'adapters/isolate/SECURITY.md',
      'adapters/node-server/**/README.md',
    ],
  },
  {
    title: 'Bindings and drivers',
    kind: 'reference',
    files: ['adapters/drivers/**/README.md', 'adapters/query-builders/README.md', 'core/WRITING-*.md'],
  },
  {
    title: 'Existing code',
    kind: 'reference',
    files: ['core/compat/*/README.md', 'test/corpus/FRAMEWORKS.md'],
  },
  {
    title: 'Commands',
    kind: 'reference',
    files: ['core/tools/cli/README.md', 'core/tools/{build,check,compare,data,vite}/README.md'],
  },
  {
    title: 'What holds',
    kind: 'reference',
    files: [
      'core/tools/conformance/{MATRIX,DEVIATIONS,RELIABILITY,README}.md',
      'test/README.md',
      'test/*/README.md',
    ],
  },
  { title: 'Examples', kind: 'example', files: ['examples/*/README.md'] },
  {
    title: 'Project',
    kind: 'project',
    files: ['CHANGELOG.md', 'SECURITY.md', 'CONTRIBUTING.md', 'core/DESIGN.md'],
  },
  { title: 'Figures', kind: 'figures', files: ['{core,adapters}/**/MEASURED.md'] },
]

const GUIDES = '.docs/README.md'

/** Reads the repository's own pages. Those that the build writes are added to the groups by the caller. */
export function readSources(root: string): Site {
  const { name, version, description } = readPackage(root) as ReturnType<typeof readPackage> & {
    description: string
  }
  const read = (source: string, kind: PageKind, label?: string): Page => readPage(root, source, kind, label)
  const shelves = SHELVES.map(({ title, kind, files }): Group => {
    const found = files.flatMap((pattern) =>
      globSync(pattern, { cwd: root, exclude: ['**/node_modules/**'] }).sort(),
    )
    return { title, pages: [...new Set(found)].map((source) => read(source, kind)) }
  })
  const home = read('README.md', 'project', 'Home')
  return { name, version, description, home, groups: [...readGuides(root, read), ...shelves] }
}

/** Reads the groups of guides: lines of the guides' index that begin with a bold word. */
function readGuides(root: string, read: (source: string, kind: PageKind, label?: string) => Page): Group[] {
  const index = read(GUIDES, 'guide')
  const groups = index.markdown
    .split(/\n{2,}/)
    .filter((paragraph) => paragraph.startsWith('**'))
    .map((paragraph): Group => {
      const title = /^\*\*([^*]+)\*\*/.exec(paragraph)?.[1] ?? ''
      const links = [...paragraph.matchAll(/\[([^\]]+)\]\(([^)#]+)\)/g)]
      return {
        title,
        pages: links.map(([, label = '', path = '']) =>
          read(
            posix.join(posix.dirname(GUIDES), path),
            'guide',
            label.replace(/^[a-z]/, (c) => c.toUpperCase()),
          ),
        ),
      }
    })
  const [first, ...rest] = groups
  if (first === undefined)
    throw new Error(`${GUIDES} has no group: a paragraph that begins with a bold word.`)
  return [{ ...first, pages: [index, ...first.pages] }, ...rest]
}

function readPage(root: string, source: string, kind: PageKind, label?: string): Page {
  const file = join(root, source)
  if (!existsSync(file)) throw new Error(`${GUIDES} leads to "${source}", which does not exist.`)
  const markdown = readFileSync(file, 'utf8').replaceAll(/<!--[^]*?-->\n?/g, '')
  const title = titleOf(markdown)
  return { source, path: pathOf(source), title, label: label ?? title, markdown, kind }
}

/** Returns where the page of a Markdown file lies: a README is the index of its folder. */
export function pathOf(source: string): string {
  return source
    .replace(/^\.docs\//, source === GUIDES ? 'guides/' : '')
    .replace(/README\.md$/, 'index.html')
    .replace(/[^/]+\.md$/, (name) => name.toLowerCase().replace('.md', '.html'))
}
