import type { Json } from '../../base/json.ts';
import { type Augmentation, fillModes, flips } from '../../images/pixel-spec.ts';
import { choiceIn, membersOf, numberIn } from '../given-params.ts';
import { augmentDefaults as defaults } from './defaults.ts';

/** The augmentation with its defaults written out; null where it would change nothing. */
export function completeAugmentation(given: Json): Augmentation | null {
  const members = membersOf(given);
  const shift = members['shift'] ?? defaults.shift;
  const shares = typeof shift === 'number' ? { height: shift, width: shift } : membersOf(shift);
  const augmentation: Augmentation = {
    flip: choiceIn(members, 'flip', flips, defaults.flip),
    shift: { height: numberIn(shares, 'height', defaults.shift), width: numberIn(shares, 'width', defaults.shift) },
    rotate: numberIn(members, 'rotate', defaults.rotate),
    zoom: numberIn(members, 'zoom', defaults.zoom),
    shear: numberIn(members, 'shear', defaults.shear),
    contrast: numberIn(members, 'contrast', defaults.contrast),
    brightness: numberIn(members, 'brightness', defaults.brightness),
    fill: choiceIn(members, 'fill', fillModes, defaults.fill),
  };
  return changesSomething(augmentation) ? augmentation : null;
}

function changesSomething({ flip, shift, rotate, zoom, shear, contrast, brightness }: Augmentation): boolean {
  const reaches = [shift.height, shift.width, rotate, zoom, shear, contrast, brightness];
  return flip !== 'none' || reaches.some((reach) => reach > 0);
}
