import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases } from './project-case.ts'

/** Two modules of a Worker that have classes of the same name, so that a bundler renames one of them. */
const FILES = {
  'src/other.js':
    'export const other = (() => { class Widget {}; return Widget })()\nexport class Shape {}\n',
  'src/index.js': `
import { other, Shape as OtherShape } from './other.js'
class Widget {}
class Shape {}
function addNumbers(firstNumber, secondNumber) {
  return firstNumber + secondNumber
}
export default {
  fetch() {
    return Response.json({
      names: [Widget.name, other.name, Shape.name, OtherShape.name, addNumbers.name,
        new Shape().constructor.name],
      isLong: String(addNumbers).includes('firstNumber'),
      sum: addNumbers(1, 2),
    })
  },
}
`,
}
const NAMES = ['Widget', 'Widget', 'Shape', 'Shape', 'addNumbers', 'Shape']
const wrangler = (more: object): Record<string, unknown> => ({
  name: 'names-fixture',
  main: 'src/index.js',
  compatibility_date: '2026-07-01',
  ...more,
})
interface Told {
  names: string[]
  isLong: boolean
  sum: number
}

export const NAMES_CASES: ProjectCase[] = [
  ...projectCases({ wrangler: wrangler({}), files: FILES }, [
    [
      '30',
      'names stay and nothing is minified, unless the wrangler file says so',
      async (site) => equal(JSON.parse(await site.text('/')), { names: NAMES, isLong: true, sum: 3 }),
    ],
  ]),
  ...projectCases({ wrangler: wrangler({ minify: true }), files: FILES }, [
    [
      '31',
      'minify: the code is short, and names stay',
      async (site) => equal(JSON.parse(await site.text('/')), { names: NAMES, isLong: false, sum: 3 }),
    ],
  ]),
  ...projectCases({ wrangler: wrangler({ minify: true, keep_names: false }), files: FILES }, [
    [
      '32',
      'keep_names: false: names are as short as the code',
      async (site) => {
        const { names, isLong, sum } = JSON.parse(await site.text('/')) as Told
        equal([names.includes('addNumbers'), isLong, sum], [false, false, 3])
      },
    ],
  ]),
]
