import { equal } from '../assert.ts'
import { insideCases } from '../case.ts'
import { AT_START } from '../fixture/environment.ts'
import * as one from '../fixture/names-one.ts'
import * as two from '../fixture/names-two.ts'

/**
 * Cases about the app's code after a build: its class and function names, and the environment that it reads.
 */
export const runtimeCodeCases = insideCases('runtime', [
  {
    id: 'runtime-80',
    contract: 'An error that is called after its class (this.constructor.name) has the name of the source.',
    run() {
      equal(new one.Failure('x').name, 'Failure', 'name')
      equal(String(new one.Failure('x')), 'Failure: x', 'as text')
    },
  },
  {
    id: 'runtime-81',
    contract: 'Two classes, functions and arrow functions of one name in two modules both keep it.',
    run() {
      equal([one.Failure.name, two.Failure.name], ['Failure', 'Failure'], 'classes')
      equal([one.work.name, two.work.name, one.work()], ['work', 'work', 'work'], 'functions')
      equal([one.arrow.name, two.arrow.name], ['arrow', 'arrow'], 'arrow functions')
    },
  },
  {
    id: 'runtime-82',
    contract: 'Static fields and blocks of a class see its name, and one that it gives itself stays.',
    run() {
      equal(
        [one.Registered.label, one.Registered.block, one.Registered.made, two.Failure.label],
        ['Registered', 'Registered', 'Registered', 'Failure'],
        'names',
      )
      equal([two.Titled.name, two.Titled.title], ['given', 'titled'], 'own')
    },
  },
  {
    id: 'runtime-83',
    contract: 'Default exports without a name are called "default", class expressions after their constant.',
    run() {
      equal([one.default.name, two.default.name], ['default', 'default'], 'default exports')
      equal(two.Expression.name, 'Expression', 'class expression')
    },
  },
  {
    id: 'runtime-84',
    contract: 'process.env has every declared variable by its name on platforms, its default included.',
    run({ env }) {
      equal(process.env['GREETING'], env.greeting, 'GREETING')
      equal(process.env['PADDED'], env.padded, 'PADDED')
      equal(process.env['UNICODE'], env.unicode, 'UNICODE')
      equal(process.env['NOT_DECLARED'], undefined, 'NOT_DECLARED')
    },
  },
  {
    id: 'runtime-85',
    contract: 'process.env has the secrets that are known at the start, and has all while modules load.',
    async run({ env }) {
      const pem = await env.pem.get()
      equal(process.env['PEM'], pem, 'PEM')
      equal(AT_START, { GREETING: env.greeting, PADDED: env.padded, PEM: pem }, 'at the start')
      equal('UNSET' in process.env, false, 'UNSET')
    },
  },
])
