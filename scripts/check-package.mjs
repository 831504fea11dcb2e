// Packs the package, checks what is in it, installs it without scripts in an empty folder, and runs the main job from
// there through `import` and through `require`; on Linux with the network off, where the system allows that.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const mostBytes = 25e6
const folder = mkdtempSync(join(tmpdir(), 'paperkin-package-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

run('npm', ['pack', '--silent', '--pack-destination', folder], root)
const [archive] = readdirSync(folder)
const bytes = statSync(join(folder, archive)).size
if (bytes > mostBytes) fail(`${archive} has ${(bytes / 1e6).toFixed(1)} MB, more than ${mostBytes / 1e6} MB.`)
console.log(`${archive}: ${(bytes / 1e6).toFixed(1)} MB`)
run('npx', ['--no-install', 'publint', 'run', join(folder, archive), '--strict'], root)
run('npx', ['--no-install', 'attw', join(folder, archive), '--profile', 'esm-only'], root)

const use = `
async function main({ PaperLibrary, parseDigest }) {
  const library = await PaperLibrary.open()
  const { papers } = await parseDigest(JSON.stringify([
    { title: 'Grasping glass', abstract: 'A robot arm learns to grasp transparent objects from depth images.' },
    { title: 'Picking up bottles', abstract: 'Robotic manipulation of transparent bottles with a learned grasp policy.' },
    { title: 'Dust in galaxies', abstract: 'Infrared observations of dust in distant spiral galaxies.' },
  ]))
  await library.add(papers)
  const { hits } = await library.related(papers[0].id, { k: 1 })
  const found = await library.search('astronomy', { k: 1 })
  const { count } = await library.topics()
  await library.close()
  if (hits[0].paper.title !== 'Picking up bottles' || found.hits[0].paper.title !== 'Dust in galaxies' || count < 1)
    throw new Error('the main job gave a wrong answer')
}`
writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
writeFileSync(join(folder, 'imported.mjs'), `import * as paperkin from 'paperkin'\n${use}\nawait main(paperkin)\n`)
writeFileSync(join(folder, 'required.cjs'), `${use}\nmain(require('paperkin'))\n`)
run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `./${archive}`], folder)
const offline = spawnSync('unshare', ['-rn', 'true']).status === 0 ? ['unshare', '-rn'] : []
for (const file of ['imported.mjs', 'required.cjs']) {
  const [command, ...args] = [...offline, process.execPath, file]
  run(command, args, folder)
  console.log(`${file} ran ${offline.length > 0 ? 'with the network off' : 'with the network on'}`)
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) fail(`${command} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
