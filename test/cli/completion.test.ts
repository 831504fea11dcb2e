import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { commands } from '../../src/cli/program.ts'
import { run } from './run.ts'

const has = (shell: string) => spawnSync(shell, ['--version']).status === 0

it.skipIf(!has('bash'))('bash completes commands, options, their values and files', async () => {
  const { stdout: script } = await run(['completion', 'bash'])
  const complete = (...words: string[]) => {
    const typed = ['paperkin', ...words].map((word) => `'${word}'`).join(' ')
    const { stdout, stderr } = spawnSync(
      'bash',
      [
        '-c',
        `${script}\nCOMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _paperkin; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ],
      { encoding: 'utf8' },
    )
    expect(stderr).toBe('')
    return stdout.trimEnd().split('\n')
  }
  expect(complete('sea')).toEqual(['search'])
  const names = new Set(commands.map(({ name }) => name.split(' ')[0]))
  expect(new Set(complete(''))).toEqual(new Set([...names, ...complete('--')]))
  expect(complete('fetch', '')).toEqual(expect.arrayContaining(['daily', 'arxiv']))
  expect(complete('fetch', 'arxiv', '--ba')).toEqual(['--base-url'])
  expect(complete('search', 'today.txt', '--mode', 's')).toEqual(['semantic'])
  expect(complete('--quiet', 'search', '--libr')).toEqual(['--library'])
  expect(complete('search', 'READ')).toEqual(['README.md'])
})

it.each(['zsh', 'fish'])('the script for %s names every command, and is one that the shell takes', async (shell) => {
  const { stdout: script } = await run(['completion', shell])
  for (const { name } of commands) expect(script).toContain(name.split(' ').at(-1))
  if (!has(shell)) return
  const folder = mkdtempSync(join(tmpdir(), 'paperkin-completion-'))
  writeFileSync(join(folder, 'script'), script)
  const checked = spawnSync(shell, ['-n', join(folder, 'script')], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  expect(checked).toMatchObject({ status: 0, stderr: '' })
})

it('refuses another shell', async () => {
  expect(await run(['completion', 'csh'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('bash, zsh, fish'),
  })
})
