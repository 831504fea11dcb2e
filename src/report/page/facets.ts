// The filters of the page: areas of the map of science and categories as choices with counts, topics, dates and marks.
import type { PageCore } from '../page-data.ts'
import type { Looked } from './address.ts'
import { element } from './dom.ts'
import type { Marks } from './marks.ts'

const indent = '\u2003'
/** With more categories than this, those of one paper are one choice. */
const allShown = 12

/** A filter by something that papers have one or more of. */
export interface Facet {
  readonly element: HTMLSelectElement
  /** Number of choices. */
  readonly size: number
  /** The chosen name, as in the address; empty for all. An unknown name chooses all. */
  value: string
  /** Whether a paper passes. */
  has(row: number): boolean
  /** Starts counting. */
  begin(): void
  count(row: number): void
  /** Shows the counts, and hides choices without papers unless they are chosen. */
  end(): void
}

interface Choice {
  readonly name: string
  readonly label: string
}

/** Made once, as it takes longer to make than to use. */
const numbers = new Intl.NumberFormat('en')

function facet(
  label: string,
  all: string,
  choices: readonly Choice[],
  { of, onChange }: { readonly of: (row: number) => Iterable<number>; readonly onChange: (name: string) => void },
): Facet {
  const options = choices.map(({ name }) => element('option', { value: name }))
  const select = element('select', { 'aria-label': label }, element('option', { value: '' }, all), ...options)
  const counts = new Int32Array(choices.length)
  /** The counts that the options show. */
  const shown = new Int32Array(choices.length).fill(-1)
  let chosen = -1
  select.addEventListener('change', () => onChange(select.value))
  return {
    element: select,
    size: choices.length,
    get value() {
      return choices[chosen]?.name ?? ''
    },
    set value(name: string) {
      chosen = choices.findIndex((choice) => choice.name === name)
      select.value = choices[chosen]?.name ?? ''
    },
    has(row) {
      if (chosen < 0) return true
      for (const position of of(row)) if (position === chosen) return true
      return false
    },
    begin: () => counts.fill(0),
    count(row) {
      for (const position of of(row)) counts[position]!++
    },
    end() {
      for (const [position, option] of options.entries()) {
        const count = counts[position]!
        if (count !== shown[position]) option.textContent = `${choices[position]!.label} (${numbers.format(count)})`
        shown[position] = count
        const isHidden = count === 0 && position !== chosen
        if (isHidden !== option.hidden) option.hidden = isHidden
      }
    },
  }
}

/** Disciplines, their fields and areas. */
export function areaFacet(core: PageCore, onChange: (name: string) => void): Facet {
  const seen = new Set<string>()
  const choices = core.areas.map(({ name, depth }) => {
    // An area may have the name of its field.
    const own = seen.has(name) ? `${name} (${['discipline', 'field', 'area'][depth]})` : name
    seen.add(own)
    return { name: own, label: `${indent.repeat(depth)}${name}` }
  })
  return facet('Area', 'All areas', choices, {
    *of(row) {
      for (let at = core.areaOf[row]!; at >= 0; at = core.areas[at]!.parent) yield at
    },
    onChange,
  })
}

/** Categories, most frequent first; where there are many, those of one paper are one choice. */
export function categoryFacet(core: PageCore, onChange: (name: string) => void): Facet {
  const papers = new Int32Array(core.categories.length)
  for (const own of core.categoriesOf) for (const category of new Set(own)) papers[category]!++
  const order = core.categories.map((_, position) => position)
  const isRare = (position: number) => core.categories.length > allShown && papers[position]! < 2
  const shown = order.filter((position) => !isRare(position)).sort((a, b) => papers[b]! - papers[a]! || a - b)
  const rare = order.filter(isRare)
  const choices = shown.map((position) => ({ name: core.categories[position]!, label: core.categories[position]! }))
  const others = choices.length
  if (rare.length > 0)
    choices.push({ name: 'others', label: `Others: ${rare.length.toLocaleString('en')} with one paper each` })
  const choiceOf = new Int32Array(core.categories.length).fill(others)
  for (const [choice, position] of shown.entries()) choiceOf[position] = choice
  return facet('Category', 'All categories', choices, {
    of: (row) => new Set(core.categoriesOf[row]!.map((position) => choiceOf[position]!)),
    onChange,
  })
}

interface Filters {
  readonly looked: Looked
  /** Positions of topics, -1 for papers in no topic; undefined for all. */
  readonly topics: ReadonlySet<number> | undefined
  readonly marks: Marks
  readonly area: Facet
  readonly category: Facet
}

/** The rows that pass all filters, in their order. Counts, for each choice of a facet, those that pass the other filters. */
export function filtered(
  core: PageCore,
  rows: Iterable<number>,
  { looked, topics, marks, area, category }: Filters,
): number[] {
  const { from, to, marked } = looked
  const passes = (row: number) => {
    const id = core.ids[row]!
    return (
      (topics === undefined || topics.has(core.topicOf[row]!)) &&
      (marked === 'hidden') === marks.has('hidden', id) &&
      (marked !== 'starred' || marks.has('starred', id)) &&
      (marked !== 'unread' || !marks.has('read', id)) &&
      isWithin(core.dates[row]!, { from, to })
    )
  }
  const passed: number[] = []
  area.begin()
  category.begin()
  for (const row of rows) {
    if (!passes(row)) continue
    const [inArea, inCategory] = [area.has(row), category.has(row)]
    if (inCategory) area.count(row)
    if (inArea) category.count(row)
    if (inArea && inCategory) passed.push(row)
  }
  area.end()
  category.end()
  return passed
}

/** Whether a date, possibly of a month or a year alone, lies between two days, either of which may be empty. */
function isWithin(date: string, { from, to }: { readonly from: string; readonly to: string }): boolean {
  if (from === '' && to === '') return true
  if (date === '') return false
  const day = date.slice(0, 10)
  return (from === '' || day >= from.slice(0, day.length)) && (to === '' || day <= to.slice(0, day.length))
}
