/** Sets style properties of an element by script; a `style` attribute is what the page's policy forbids. */
import { type ElementPart, nothing } from "lit";
import { Directive, directive, type PartInfo, PartType } from "lit/directive.js";

class StyledDirective extends Directive {
  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new TypeError("styled stands on an element");
  }

  override update(part: ElementPart, [properties]: [Readonly<Record<string, string>>]): typeof nothing {
    if (part.element instanceof HTMLElement || part.element instanceof SVGElement) {
      for (const [name, value] of Object.entries(properties)) part.element.style.setProperty(name, value);
    }
    return nothing;
  }

  render(_properties: Readonly<Record<string, string>>): typeof nothing {
    return nothing;
  }
}

/** `<div ${styled({ "block-size": "10px" })}>`. */
export const styled = directive(StyledDirective);
