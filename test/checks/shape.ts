/**
 * `npm run check:shape`: the floor plan and the bounds that oxlint has no rule for. Files, functions and
 * parameters that are too long or too many are oxlint's to find (`max-lines`, `max-lines-per-function`,
 * `max-params` in .oxlintrc.json), and so are circles by value (`import/no-cycle`); exceptions are comments
 * beside the code, which this program counts. It also keeps the picture of the architecture in core/DESIGN.md true;
 * `npm run check:shape -- --write` draws it anew.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readModule } from './module-facts.ts'
import { drawPicture, findPicture } from './picture.ts'
import { checkShape, type Plan } from './shape-rules.ts'

const PLAN: Plan = {
  floors: [
    {
      name: 'core outside its tools imports nothing of Node',
      from: ['core/'],
      except: ['core/tools/'],
      to: ['node:'],
    },
    {
      name: 'core outside its tools does not import them',
      from: ['core/'],
      except: ['core/tools/'],
      to: ['core/tools/'],
    },
    {
      // Drivers and query builders are no adapters; the Node server kit is what several adapters share.
      name: 'no adapter imports another',
      apart: ['adapters/cloudflare/', 'adapters/isolate/', 'adapters/lambda/', 'adapters/node/'],
    },
    {
      name: 'drivers import no adapter',
      from: ['adapters/drivers/', 'adapters/query-builders/'],
      to: ['adapters/cloudflare/', 'adapters/isolate/', 'adapters/lambda/', 'adapters/node/'],
    },
    {
      name: "the host's worker and its supervisor do not import each other",
      apart: ['adapters/isolate/host/worker/', 'adapters/isolate/host/supervisor/'],
    },
    {
      name: 'core and the adapters do not import test',
      from: ['core/', 'adapters/'],
      to: ['test/'],
    },
  ],
  circles: [
    {
      in: 'core/bindings/',
      why: 'A declaration names the class that it declares (`Bound`), and the class takes its declaration.',
    },
  ],
  maxCircles: 3,
  doubleCasts: { in: ['core/', 'adapters/'], most: 40 },
  longLines: { in: ['core/', 'adapters/'], width: 110, most: 50 },
  exceptions: { rules: ['max-lines', 'max-lines-per-function', 'max-params'], most: 10 },
  maxFunctionLines: 80,
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const paths = globSync('{core,adapters,test,examples}/**/*.ts', {
  cwd: root,
  exclude: ['**/node_modules/**', '**/.unmoor/**', 'test/check-corpus/**'],
})
const modules = new Map(
  paths.sort().map((path) => {
    const text = readFileSync(`${root}/${path}`, 'utf8')
    return [path, { text, ...readModule(path, text, PLAN.maxFunctionLines) }]
  }),
)
const { problems: found, notes } = checkShape(modules, PLAN)
const problems = [...found, ...checkPicture()]
for (const note of notes) console.log(note)
for (const problem of problems) console.error(problem)
if (problems.length > 0) {
  console.error(
    `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}. The plan is in test/checks/shape.ts and core/DESIGN.md.`,
  )
  process.exit(1)
}

/** Compares the picture of the architecture with the imports; with `--write`, draws it anew. */
function checkPicture(): string[] {
  const file = `${root}/core/DESIGN.md`
  const page = readFileSync(file, 'utf8')
  const { start, end } = findPicture(page)
  const picture = drawPicture(modules)
  if (page.slice(start, end) === picture) return []
  if (!process.argv.includes('--write'))
    return [
      'core/DESIGN.md: the picture of the architecture is not what the imports are. If the new arrow is meant, draw it: npm run check:shape -- --write',
    ]
  writeFileSync(file, page.slice(0, start) + picture + page.slice(end))
  return []
}
