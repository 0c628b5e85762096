/**
 * `npm run check:prose`: comments, test titles and commit subjects as CONTRIBUTING.md ("Plain English") wants
 * them, as far as a program can tell.
 */
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { ROOT } from './package.ts'
import { readProse } from './prose-facts.ts'
import { checkProse, checkSubjects, type ProsePlan, type Subject } from './prose-rules.ts'

const NAME_IT = 'Begin with the thing that is described'

const PLAN: ProsePlan = {
  openings: [
    { words: 'Of(?! course)', instead: `${NAME_IT}: "The certificates of the port", not "Of the port".` },
    { words: 'By(?! default| now| then)', instead: `${NAME_IT}: "Queues by binding", not "By binding".` },
    { words: 'Whether', instead: 'Write "True if ...", "If true, ...", or what the code does.' },
    { words: 'Those', instead: `${NAME_IT}: "Certificates in use", not "Those in use".` },
    { words: 'Such', instead: `${NAME_IT}: "The name, such as ...", "Shortened names sort ...".` },
    { words: 'Which', instead: `${NAME_IT}: "The driver that serves a binding".` },
    { words: 'Where there', instead: 'Write "If there is ..." or name who has it.' },
  ],
  maxSubject: 72,
  published: [
    '0a502c5f',
    'd284478a',
    '873bd605',
    '974d5b28',
    '4b8549c1',
    '195752fb',
    '4d8dc6b0',
    'e57e4442',
    'b3babad0',
    'ce329bbb',
    '97a83976',
    'd91a9ac1',
    '89edb4b2',
    '508b2539',
    'b240958a',
    '0479e6aa',
    'f478088e',
    '90d93d66',
    'cf17957c',
    '64b66edb',
    'accbbe04',
    'c5dcdd38',
    '96d46375',
    '4a913465',
    '3f3d6713',
    '06bb6518',
    'fdba2ca0',
    '6edd7e27',
  ],
}

/** The last commit before the rule. */
const SINCE = 'ce881b5'

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

/** Commits since the rule; undefined if this checkout does not have them. */
function subjects(): Subject[] | undefined {
  try {
    git('merge-base', '--is-ancestor', SINCE, 'HEAD')
    const log = git('log', '--no-merges', '--format=%H %s', `${SINCE}..HEAD`)
    return log
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ hash: line.slice(0, line.indexOf(' ')), subject: line.slice(line.indexOf(' ') + 1) }))
  } catch {
    return undefined
  }
}

const paths = globSync('{core,adapters,test,examples}/**/*.{ts,tsx}', {
  cwd: ROOT,
  exclude: ['**/node_modules/**', '**/.unmoor/**', 'test/check-corpus/**'],
}).sort()
const commits = subjects()
const problems = [
  ...paths.flatMap((path) =>
    checkProse(path, readProse(path, readFileSync(`${ROOT}/${path}`, 'utf8')), PLAN),
  ),
  ...checkSubjects(commits ?? [], PLAN),
]
for (const problem of problems) console.error(problem)
console.log(
  `${paths.length} modules, ` +
    (commits === undefined
      ? 'no commits: this checkout is shallow or has no history'
      : `${commits.length} commits`) +
    `, ${problems.length} problems`,
)
if (problems.length > 0) {
  console.error('The rules are in CONTRIBUTING.md, "Plain English", and test/checks/prose.ts.')
  process.exitCode = 1
}
