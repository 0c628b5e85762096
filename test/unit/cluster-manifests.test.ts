import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { buildApp } from '../../core/tools/build/build.ts'
import { findProgram } from '../../examples/cluster/local/process.ts'
import { checkout } from './temp-project.ts'

const folder = join(checkout, 'examples/cluster')
const scratch = mkdtempSync(join(tmpdir(), 'unmoor-cluster-manifests-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const read = (path: string): string => readFileSync(join(folder, path), 'utf8')

/** What these drivers read where their options name nothing. */
const DRIVER_VARIABLES: Readonly<Record<string, string>> = {
  postgres: 'DATABASE_URL',
  redis: 'REDIS_URL',
  nats: 'NATS_URL',
  s3: 'UNMOOR_BUCKET',
}

/** Variables without which the built app does not start. */
async function requiredVariables(icons: 'fs' | 's3'): Promise<string[]> {
  process.env['ICONS'] = icons
  const { info } = await buildApp({
    projectDir: folder,
    target: 'node',
    outDir: join(scratch, icons),
  }).finally(() => delete process.env['ICONS'])
  const ofDrivers = Object.values(info.drivers).flatMap(({ driver, ...options }) => [
    ...(DRIVER_VARIABLES[driver] === undefined ? [] : [DRIVER_VARIABLES[driver]]),
    ...Object.values(options).flatMap((option) =>
      typeof option === 'object' && option !== null && 'env' in option ? [String(option.env)] : [],
    ),
  ])
  return [...new Set([...ofDrivers, 'ADMIN_TOKEN'])].toSorted()
}

/** Variables that haproxy.cfg reads. */
const balancerVariables = [
  ...new Set([...read('haproxy.cfg').matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name)),
].toSorted()

interface Service {
  image: string
  environment?: Record<string, string>
  volumes?: string[]
  depends_on?: string[] | Record<string, { condition: string }>
  healthcheck?: object
}

describe('compose.yaml', () => {
  const compose = parse(read('compose.yaml'), { merge: true }) as {
    services: Record<string, Service>
    volumes: Record<string, null>
  }
  const { services } = compose

  it('sets what the app and the balancer read', async () => {
    const required = await requiredVariables('fs')
    for (const name of ['a', 'b', 'c'])
      expect(Object.keys(services[name]?.environment ?? {})).toEqual(expect.arrayContaining(required))
    expect(Object.keys(services['balancer']?.environment ?? {}).toSorted()).toEqual(balancerVariables)
    for (const name of ['a', 'b', 'c'])
      expect(Object.values(services['balancer']?.environment ?? {})).toContain(`${name}:8080`)
  })

  it('names services and volumes that there are', () => {
    for (const [name, service] of Object.entries(services)) {
      const wanted = service.depends_on ?? []
      for (const other of Array.isArray(wanted) ? wanted : Object.keys(wanted))
        expect(services, name).toHaveProperty(other)
      if (!Array.isArray(wanted)) {
        for (const [other, { condition }] of Object.entries(wanted))
          if (condition === 'service_healthy') expect(services[other]).toHaveProperty('healthcheck')
      }
      for (const volume of service.volumes ?? []) {
        const source = volume.split(':')[0] ?? ''
        if (source.startsWith('./')) expect(() => read(source)).not.toThrow()
        else expect(compose.volumes, name).toHaveProperty(source)
      }
      for (const url of Object.values(service.environment ?? {})) {
        const host = /^\w+:\/\/(?:.*@)?([a-z]+):\d+/.exec(url)?.[1]
        if (host !== undefined) expect(services).toHaveProperty(host)
      }
    }
  })
})

const docker = findProgram(['docker'])
const composed =
  docker !== undefined && spawnSync(docker, ['compose', 'version'], { stdio: 'ignore' }).status === 0
if (!composed)
  console.warn(
    "compose.yaml of the cluster example by docker's own reader: skipped, install the Compose plugin of docker",
  )
it.skipIf(!composed)('docker compose takes compose.yaml', () => {
  const config = (): string =>
    execFileSync(docker as string, ['compose', '-f', join(folder, 'compose.yaml'), 'config', '--quiet'], {
      env: { ...process.env, ADMIN_TOKEN: 'x' },
      encoding: 'utf8',
    })
  expect(config).not.toThrow()
})

interface Port {
  name: string
  containerPort?: number
  targetPort?: string
}
interface Container {
  name: string
  env?: { name: string; valueFrom?: { secretKeyRef?: { name: string } } }[]
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[]
  ports: Port[]
  volumeMounts: { name: string }[]
  readinessProbe: object
}
interface Resource {
  kind: string
  metadata: { name: string }
  spec: {
    selector: Record<string, string> & { matchLabels?: Record<string, string> }
    serviceName?: string
    ports?: Port[]
    replicas?: number
    template: {
      metadata: { labels: Record<string, string> }
      spec: {
        containers: Container[]
        volumes?: { name: string; configMap?: { name: string } }[]
        securityContext: { runAsNonRoot: boolean }
      }
    }
    volumeClaimTemplates?: { metadata: { name: string } }[]
  }
}

describe('Kubernetes', () => {
  const kustomization = parse(read('kustomization.yaml')) as {
    resources: string[]
    configMapGenerator: { name: string; files?: string[]; envs?: string[] }[]
  }
  const resources = kustomization.resources.flatMap((path) =>
    parseAllDocuments(read(path)).map((document) => document.toJS() as Resource),
  )
  const workloads = resources.filter(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment')
  const services = resources.filter(({ kind }) => kind === 'Service')

  it('lists every file', () => {
    const files = readdirSync(join(folder, 'kubernetes')).filter((name) => name.endsWith('.yaml'))
    expect(kustomization.resources.toSorted()).toEqual(files.map((name) => `kubernetes/${name}`).toSorted())
    expect(workloads.map(({ metadata }) => metadata.name).toSorted()).toEqual([
      'balancer',
      'links',
      'nats',
      'postgres',
      'redis',
    ])
  })

  it('has selectors, ports, volumes, config maps and secrets that there are', () => {
    const configMaps = kustomization.configMapGenerator.map(({ name }) => name)
    for (const { metadata, spec } of workloads) {
      expect(spec.template.metadata.labels, metadata.name).toMatchObject(
        spec.selector.matchLabels ?? { missing: '' },
      )
      if (spec.serviceName !== undefined)
        expect(services.map((service) => service.metadata.name)).toContain(spec.serviceName)
      expect(spec.template.spec.securityContext.runAsNonRoot).toBe(true)
      const volumes = [
        ...(spec.template.spec.volumes ?? []).map(({ name }) => name),
        ...(spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata.name),
      ]
      for (const { configMap } of spec.template.spec.volumes ?? [])
        if (configMap !== undefined) expect(configMaps).toContain(configMap.name)
      for (const container of spec.template.spec.containers) {
        expect(container.readinessProbe).toBeDefined()
        for (const { name } of container.volumeMounts) expect(volumes).toContain(name)
        for (const { configMapRef, secretRef } of container.envFrom ?? []) {
          if (configMapRef !== undefined) expect(configMaps).toContain(configMapRef.name)
          if (secretRef !== undefined)
            expect(read('README.md')).toContain(`create secret generic ${secretRef.name} `)
        }
      }
    }
    for (const { metadata, spec } of services) {
      const behind = workloads.filter((workload) =>
        Object.entries(spec.selector).every(
          ([label, value]) => workload.spec.template.metadata.labels[label] === value,
        ),
      )
      expect(behind.length, metadata.name).toBe(1)
      const ports = behind[0]?.spec.template.spec.containers.flatMap((container) =>
        container.ports.map(({ name }) => name),
      )
      for (const { targetPort } of spec.ports ?? []) expect(ports).toContain(targetPort)
    }
    for (const { metadata, spec } of resources.filter(({ kind }) => kind === 'PodDisruptionBudget'))
      expect(
        workloads.find((workload) => workload.metadata.name === metadata.name)?.spec.template.metadata.labels,
      ).toMatchObject(spec.selector.matchLabels ?? {})
  })

  it('sets what the app and the balancer read, and names the replicas that there are', async () => {
    const inEnv = [...read('kubernetes/links.env').matchAll(/^(\w+)=/gm)].map(([, name]) => name)
    const inSecret = [...read('README.md').matchAll(/--from-literal=(\w+)=/g)].map(([, name]) => name)
    expect([...inEnv, ...inSecret]).toEqual(expect.arrayContaining(await requiredVariables('s3')))
    const balancer = workloads.find(({ metadata }) => metadata.name === 'balancer')
    const given = balancer?.spec.template.spec.containers[0]?.env?.map(({ name }) => name) ?? []
    expect(given.filter((name) => name !== 'NAMESPACE').toSorted()).toEqual(balancerVariables)
    expect(balancerVariables.filter((name) => name.startsWith('REPLICA_'))).toHaveLength(
      workloads.find(({ metadata }) => metadata.name === 'links')?.spec.replicas ?? 0,
    )
  })

  const kubectl = findProgram(['kubectl'])
  if (kubectl === undefined)
    console.warn('kustomize of the cluster example: skipped, kubectl is not installed')
  it.skipIf(kubectl === undefined)('is what kustomize takes', () => {
    const text = execFileSync(kubectl as string, ['kustomize', folder], { encoding: 'utf8' })
    const names = parseAllDocuments(text).map((document) => (document.toJS() as Resource).kind)
    expect(names.filter((kind) => kind === 'ConfigMap')).toHaveLength(2)
    expect(text).toContain('image: registry.example.com/links:1')
  })
})

const haproxy = findProgram(['haproxy'])
if (haproxy === undefined)
  console.warn(
    'haproxy.cfg of the cluster example: skipped, haproxy is not installed: apt-get install haproxy',
  )
it.skipIf(haproxy === undefined)('haproxy takes its configuration', () => {
  const env = {
    LISTEN: '127.0.0.1:8080',
    STATS_SOCKET: join(scratch, 'haproxy.sock'),
    REPLICA_A: 'a:8080',
    REPLICA_B: 'b:8080',
    REPLICA_C: 'c:8080',
  }
  expect(() =>
    execFileSync(haproxy as string, ['-c', '-f', join(folder, 'haproxy.cfg')], { env, stdio: 'pipe' }),
  ).not.toThrow()
})
