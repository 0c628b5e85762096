import { describe, expect, test } from 'vitest'
import { checkConfig } from '../../core/tools/build/config-check.ts'
import { loadConfig } from '../../core/tools/build/project.ts'
import { appSource, tempProject } from './temp-project.ts'

describe('checkConfig', () => {
  test.each([
    [{ nam: 'x' }, /"nam" is no key of a config\. Did you mean "name"\? Keys: name, entry/],
    [{ name: 'Links' }, /name must be lower-case.*it is "Links"/],
    [{ name: '-a' }, /name must be/],
    [{ entry: 3 }, /entry must be a path/],
    [{ drivers: { links: 3 } }, /drivers\.links must be a driver's name or/],
    [{ drivers: { links: { drivr: 'x' } } }, /drivers\.links must be/],
    [
      { targets: { node: { driver: {} } } },
      /"targets\.node\.driver" is no key of a target\. Did you mean "drivers"\? Keys: drivers/,
    ],
    [{ targets: { node: { options: { at: new Date() } } } }, /targets\.node\.options\.at must be plain data/],
    [{ drivers: { links: { driver: 'x', fetch() {} } } }, /drivers\.links\.fetch must be plain data/],
    [{ targets: { node: { options: { list: [1, Number.NaN] } } } }, /options\.list\[1\] must be plain data/],
    [[], /default export must be an object/],
    [null, /default export must be an object/],
  ])('%j is refused', (value, message) => {
    expect(() => checkConfig(value, 'unmoor.config.ts')).toThrow(
      expect.objectContaining({
        code: 'InvalidArgument',
        operation: 'config',
        message: expect.stringMatching(message),
      }),
    )
  })

  test('a whole config is taken as it is', () => {
    const config = {
      name: 'links',
      entry: 'app.ts',
      dataDir: 'data',
      drivers: { a: 'memory' },
      targets: { node: { drivers: { a: { driver: 'postgres', url: { env: 'DB' } } }, options: { x: null } } },
    }
    expect(checkConfig(config, 'f')).toBe(config)
  })
})

describe('loadConfig', () => {
  test('types are stripped, and unmoor is found', async () => {
    await using project = await tempProject({
      'unmoor.config.ts': `import { defineConfig, type Config } from 'unmoor'\nconst name: string = 'typed'\nexport default defineConfig({ name, entry: 'a.ts' } satisfies Config)`,
      'a.ts': '',
    })
    expect(await loadConfig(project.dir)).toMatchObject({
      name: 'typed',
      entry: `${project.dir}/a.ts`,
      dataDir: `${project.dir}/.unmoor/data`,
    })
  })

  test('without a config file the name is that of package.json', async () => {
    await using project = await tempProject({
      'package.json': '{ "name": "@me/shop" }',
      'src/app.ts': appSource(),
    })
    expect(await loadConfig(project.dir)).toMatchObject({ name: 'shop', config: {}, configFile: undefined })
  })

  test.each([
    [
      'a config that does not parse names its line',
      { 'unmoor.config.ts': 'export default {\n  name: "a" +* 1,\n}' },
      /unmoor\.config\.ts does not load: SyntaxError.*unmoor\.config\.ts:2/,
    ],
    [
      'a config that throws names its line',
      { 'unmoor.config.ts': '\n\nthrow new Error("no env")' },
      /no env \(.*unmoor\.config\.ts:3:7\)/,
    ],
    ...['import "unmoor"; export default {}', 'export default {}'].map(
      (text): [string, Record<string, string>, RegExp] => [
        `a .ts config of a CommonJS package is told how to be named: ${text}`,
        { 'package.json': '{ "name": "a", "type": "commonjs" }', 'unmoor.config.ts': text },
        /rename the file to unmoor\.config\.mts, or say "type": "module"/,
      ],
    ),
    [
      'a config without default export',
      { 'unmoor.config.mjs': 'export const a = 1' },
      /unmoor\.config\.mjs has no default export/,
    ],
    [
      'a config that imports what is not installed',
      { 'unmoor.config.js': 'import "not-there"; export default {}' },
      /Run: npm install not-there/,
    ],
    [
      'a config with a function in it',
      { 'unmoor.config.js': 'export default { targets: { node: { options: { f() {} } } } }' },
      /options\.f must be plain data/,
    ],
    [
      'a target that nobody can build',
      { 'unmoor.config.js': 'export default { targets: { cloudfare: {} } }' },
      /targets\.cloudfare: there is no such target\. Did you mean "cloudflare"\? Targets: node, cloudflare/,
    ],
    [
      'an entry that is not there',
      { 'unmoor.config.js': 'export default { entry: "src/main.ts" }' },
      /no file .*src\/main\.ts/,
    ],
    ['nothing at all', {}, /no src\/app\.ts in .* unmoor init/],
    ['no name', { 'package.json': '{}', 'src/app.ts': '' }, /no name\. Add "name"/],
    [
      'a package name that fits no platform',
      { 'package.json': '{ "name": "My_App" }', 'src/app.ts': '' },
      /"My_App".*Add "name"/,
    ],
  ])('%s', async (_name, files, message) => {
    await using project = await tempProject(files)
    await expect(loadConfig(project.dir)).rejects.toMatchObject({
      code: 'InvalidArgument',
      operation: 'config',
      message: expect.stringMatching(message),
    })
  })
})
