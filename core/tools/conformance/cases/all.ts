/**
 * The source list of all conformance cases. The `total` of a report is counted from it and is the same on
 * every target.
 */
import type { Case } from '../case.ts'
import { assetWireCases } from './assets.ts'
import { cronDeclarationCases, cronWireCases } from './cron.ts'
import { lengthCases } from './answers-length.ts'
import { streamCases } from './answers-stream.ts'
import { labelCases } from './answers-label.ts'
import { fetchCases } from './fetch.ts'
import { fetchedCases } from './fetch-forms.ts'
import { answerCases } from './handlers-answer.ts'
import { bodyCases } from './handlers-body.ts'
import { flowCases } from './handlers-flow.ts'
import { formCases } from './handlers-form.ts'
import { requestCases } from './handlers-request.ts'
import { serveCases } from './handlers-serve.ts'
import { INSIDE_CASES } from './inside.ts'
import { handshakeCases } from './sockets-handshake.ts'
import { lifeCases } from './sockets-life.ts'
import { messageCases } from './sockets-messages.ts'
import { reachCases } from './sockets-reach.ts'
import { waitUntilWireCases } from './wait-until.ts'

/** All cases of the conformance suite, group by group. */
export const CASES: readonly Case[] = [
  ...requestCases,
  ...bodyCases,
  ...formCases,
  ...answerCases,
  ...flowCases,
  ...labelCases,
  ...lengthCases,
  ...streamCases,
  ...fetchedCases,
  ...fetchCases,
  ...serveCases,
  ...waitUntilWireCases,
  ...cronWireCases,
  ...cronDeclarationCases,
  ...assetWireCases,
  ...messageCases,
  ...handshakeCases,
  ...lifeCases,
  ...reachCases,
  ...INSIDE_CASES,
]

const ids = new Set<string>()
for (const { id, group } of CASES) {
  if (ids.has(id) || !id.startsWith(`${group}-`))
    throw new Error(`Case ${id} is doubled, or not named after its group ${group}.`)
  ids.add(id)
}
