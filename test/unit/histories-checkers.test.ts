import { expect, it } from 'vitest'
import { CHECKERS, misjudged, tryChecker } from '../histories/mutants/checkers.ts'

it('the checkers judge every known history as they should', async () => {
  expect(await misjudged()).toEqual([])
})

it.each(CHECKERS.map((mutant) => [mutant.is, mutant] as const))(
  'a known history shows the bug "%s" that is planted in a copy of the checkers',
  async (_, mutant) => {
    expect(await tryChecker(mutant)).not.toEqual([])
  },
)
