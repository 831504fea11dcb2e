import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { printable, printableLine } from '../../src/cli/terminal.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'paperkin-printable-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// A window title, an erased line, an 8-bit introducer, reversed text.
const attack = '\u001b]0;mine\u0007\u001b[2K\u009b31m\u202eevil\u2028\r'
// biome-ignore lint/suspicious/noControlCharactersInRegex: it finds control characters.
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066\u2067]/u
const sources: Readonly<Record<string, string>> = {
  'a.ris': `TY  - JOUR\nTI  - Fine ${attack}\nAB  - ${attack}\nXX${attack} - odd\n${attack}\nER  - \n`,
  'a.bib': `@article{key${attack}, title = {Fine}, abstract = {On ${attack} reeds}}\n@article{broken${attack}, title = {\n`,
  'a.json': JSON.stringify([
    {
      id: `one${attack}`,
      title: `Fine ${attack}`,
      abstract: 'Reeds.',
      [`odd${attack}`]: attack,
      extra: { deep: [attack] },
    },
    { title: '', [attack]: 1 },
  ]),
  'a.csv': `title,abstract,${attack}\nFine,Reeds,${attack}\n,,${attack}\n`,
  'a.txt': `A fine title ${attack}\n\n${'word '.repeat(60)}${attack}.\n\n${'lost '.repeat(60)}\n`,
  [`name${'\u001b'}[31m\u009b.json`]: '[{"title":"Fine"}',
}

it('prints no terminal control characters, on either stream, in any form', async () => {
  for (const [name, content] of Object.entries(sources)) {
    const file = join(folder, name)
    writeFileSync(file, content)
    for (const form of [[], ['--json'], ['--jsonl'], ['--verbose']])
      for (const command of [
        ['search', file, 'fine', `"${attack}"`],
        ['related', file, `fine${attack}`],
        ['digest', file],
        ['add', file, '--library', join(folder, `library${form}`)],
        ['list', '--library', join(folder, `library${form}`)],
        ['duplicates', file],
        [`topics${attack}`],
        ['report', file, '--out', join(folder, `${attack}.html`)],
        ['report', file, '--format', 'markdown'],
      ])
        for (const columns of [undefined, 80]) {
          const { stdout, stderr } = await run([...command, ...form], columns === undefined ? {} : { columns })
          // Colours, and the progress line.
          // biome-ignore lint/suspicious/noControlCharactersInRegex: it removes escapes.
          const plain = (text: string) => text.replace(/\r?\u001b\[(?:\d+m|K)/gu, columns === undefined ? '$&' : '')
          expect([name, command[0], form, obeyed.exec(plain(stdout))?.[0]]).toEqual([name, command[0], form, undefined])
          expect([name, command[0], form, obeyed.exec(plain(stderr))?.[0]]).toEqual([name, command[0], form, undefined])
        }
  }
})

it('JSON keeps its meaning', async () => {
  const file = join(folder, 'same.json')
  const value = 'C1 \u0085\u009b and \u2028 and \u202e'
  writeFileSync(file, JSON.stringify([{ id: 'a', title: 'Fine', extra: { value } }]))
  const { stdout } = await run(['search', file, 'fine', '--json'])
  expect(JSON.parse(stdout).hits[0].extra.value).toBe(value)
  expect(stdout).toContain('\\u009b')
})

it('escapes control characters, and keeps only requested colours', () => {
  expect(printable('a\u001b[31mb\u001b[2K\tc\nd', { isColored: true })).toBe('a\u001b[31mb\\u001b[2K\tc\nd')
  expect(printable('a\u001b[31mb')).toBe('a\\u001b[31mb')
  expect(printable('\u001b[8mhidden', { isColored: true })).toBe('\\u001b[8mhidden')
  expect(printableLine('one\ntwo\tthree')).toBe('one\\ntwo three')
})
