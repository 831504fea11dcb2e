// Small helpers for the document: elements, clipboard, files and colours.
import { type Theme, themes } from '../palette.ts'

type Child = Node | string | null | undefined | false
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** Creates an element. String children become text, never markup; an attribute is set for `true`, left out for `false`. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  setAttributes(made, attributes)
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return made
}

/** Creates an SVG element. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Node[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag)
  setAttributes(made, attributes)
  made.append(...children)
  return made
}

function setAttributes(made: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value))
}

/** Creates a button; `act` runs on click. */
export function button(attributes: Attributes, act: () => void, ...children: readonly Child[]): HTMLButtonElement {
  const made = element('button', { type: 'button', ...attributes }, ...children)
  made.addEventListener('click', act)
  return made
}

/** Reports when a paper is pointed at, by mouse or focus, and when it no longer is (-1). */
export function pointing(made: HTMLElement, row: number, onPoint: (row: number) => void): void {
  for (const name of ['pointerenter', 'focus']) made.addEventListener(name, () => onPoint(row))
  for (const name of ['pointerleave', 'blur']) made.addEventListener(name, () => onPoint(-1))
}

/** Copies a text, also where pages from disk may not use the clipboard API; returns whether it worked. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = element('textarea', { class: 'unseen', 'aria-hidden': 'true' })
    const before = document.activeElement
    area.value = text
    document.body.append(area)
    area.select()
    const isCopied = document.execCommand('copy')
    area.remove()
    if (before instanceof HTMLElement) before.focus()
    return isCopied
  }
}

/** Downloads a text as a file. */
export function saveText(name: string, text: string): void {
  const href = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }))
  element('a', { href, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(href), 10_000)
}

/**
 * Follows the theme of the system; returns what switches between light and dark.
 * @param onTheme called at once and for every change
 */
export function followTheme(onTheme: (theme: Theme) => void): () => void {
  const { dataset, style } = document.documentElement
  const system = matchMedia('(prefers-color-scheme: dark)')
  const set = (theme: Theme) => {
    dataset.theme = theme
    setColours(style, theme)
    onTheme(theme)
  }
  system.onchange = () => set(system.matches ? 'dark' : 'light')
  set(system.matches ? 'dark' : 'light')
  return () => {
    system.onchange = null
    set(dataset.theme === 'dark' ? 'light' : 'dark')
  }
}

/** Sets the colours of a theme as CSS variables. */
export function setColours(style: CSSStyleDeclaration, theme: Theme): void {
  const { topics, apart } = themes[theme]
  for (const [position, colour] of topics.entries()) style.setProperty(`--topic-${position}`, colour)
  style.setProperty('--apart', apart)
}
