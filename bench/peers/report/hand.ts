// A reader's hand in Chromium: does one thing at a time, and counts. A step is a click, a tap, a press of a key, a text that
// is typed, a choice from a list, a file that is chosen, or a line that is drawn.
import type { Locator, Page } from 'playwright-core'

export class Hand {
  readonly page: Page
  steps = 0

  constructor(page: Page) {
    this.page = page
  }

  async click(what: Locator | { readonly x: number; readonly y: number }, count = 1): Promise<void> {
    this.steps++
    if ('x' in what) await this.page.mouse.click(what.x, what.y, { clickCount: count })
    else await what.click({ clickCount: count, timeout: 5000 })
  }

  async type(text: string): Promise<void> {
    this.steps++
    await this.page.keyboard.type(text)
  }

  /** Presses keys one after the other. */
  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.steps++
      await this.page.keyboard.press(key)
    }
  }

  async choose(list: Locator, value: string): Promise<void> {
    this.steps++
    await list.selectOption(value)
  }

  async draw(points: readonly (readonly [x: number, y: number])[]): Promise<void> {
    this.steps++
    const [[x, y] = [0, 0], ...rest] = points
    await this.page.mouse.move(x, y)
    await this.page.mouse.down()
    for (const [x, y] of rest) await this.page.mouse.move(x, y, { steps: 4 })
    await this.page.mouse.up()
  }

  /** Presses Tab until something that matches has the focus. */
  async tabTo(selector: string, most = 80): Promise<void> {
    for (let i = 0; i < most; i++) {
      await this.press('Tab')
      if (await this.page.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`)) return
    }
    throw new Error(`Tab does not reach ${selector}`)
  }
}
