//! Colours by role, light and dark: after Okabe and Ito, shifted where a line would be too faint on its background.
//!
//! Charts are drawn in the light colours. A stylesheet made from the same table turns them dark where the reader's
//! screen is dark, by matching the colour attributes; a viewer that knows no CSS shows the light ones.

use plotters::style::RGBColor;

/// A colour by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Surface,
    Text,
    Muted,
    Border,
    Grid,
    Fault,
    Blue,
    Vermillion,
    Green,
    Purple,
    Amber,
    Grey,
    Sky,
    /// A gate that failed.
    Fail,
}

impl Ink {
    const ALL: [Self; 14] = [
        Self::Surface,
        Self::Text,
        Self::Muted,
        Self::Border,
        Self::Grid,
        Self::Fault,
        Self::Blue,
        Self::Vermillion,
        Self::Green,
        Self::Purple,
        Self::Amber,
        Self::Grey,
        Self::Sky,
        Self::Fail,
    ];

    /// Colours for the lines of a series, told apart by readers with any colour vision.
    pub(crate) const SERIES: [Self; 6] =
        [Self::Blue, Self::Vermillion, Self::Green, Self::Purple, Self::Amber, Self::Grey];

    const fn light(self) -> u32 {
        match self {
            Self::Surface => 0xff_ff_ff,
            Self::Text => 0x1c_22_2b,
            Self::Muted => 0x5b_65_72,
            Self::Border => 0xb4_bc_c6,
            Self::Grid => 0xe4_e8_ec,
            Self::Fault => 0xe6_9f_00,
            Self::Blue => 0x00_72_b2,
            Self::Vermillion => 0xd5_5e_00,
            Self::Green => 0x00_8f_68,
            Self::Purple => 0xb0_4f_8c,
            Self::Amber => 0xa8_75_00,
            Self::Grey => 0x6b_74_80,
            Self::Sky => 0x5f_b6_e0,
            Self::Fail => 0xb3_26_1e,
        }
    }

    const fn dark(self) -> u32 {
        match self {
            Self::Surface => 0x17_1b_21,
            Self::Text => 0xe6_ea_ef,
            Self::Muted => 0x9a_a5_b1,
            Self::Border => 0x4a_53_5f,
            Self::Grid => 0x2a_31_3a,
            Self::Fault => 0xf0_b4_29,
            Self::Blue => 0x56_b4_e9,
            Self::Vermillion => 0xff_8a_3d,
            Self::Green => 0x2f_c7_9a,
            Self::Purple => 0xe3_9b_c4,
            Self::Amber => 0xf0_e4_42,
            Self::Grey => 0x9b_a6_b2,
            Self::Sky => 0x2a_7f_b5,
            Self::Fail => 0xff_8f_85,
        }
    }

    /// `#0072B2`: the light colour, as an attribute has it.
    pub(super) fn hex(self) -> String {
        format!("#{:06X}", self.light())
    }

    pub(super) fn rgb(self) -> RGBColor {
        let [_, red, green, blue] = self.light().to_be_bytes();
        RGBColor(red, green, blue)
    }
}

/// CSS rules that redraw a chart below `scope` (a selector) in the dark colours.
pub(crate) fn dark_rules(scope: &str) -> String {
    Ink::ALL
        .iter()
        .map(|ink| {
            let (light, dark) = (ink.light(), ink.dark());
            format!(
                "{scope} [fill=\"#{light:06X}\"]{{fill:#{dark:06x}}}{scope} [stroke=\"#{light:06X}\"]{{stroke:#{dark:06x}}}"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(rgb: u32) -> f64 {
        let [_, r, g, b] = rgb.to_be_bytes();
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn lines_stand_out_from_both_backgrounds_and_text_more_so() {
        for ink in Ink::SERIES {
            assert!(contrast(ink.light(), Ink::Surface.light()) >= 3.0, "{ink:?} on light");
            assert!(contrast(ink.dark(), Ink::Surface.dark()) >= 3.0, "{ink:?} on dark");
        }
        for ink in [Ink::Text, Ink::Muted, Ink::Fail] {
            assert!(contrast(ink.light(), Ink::Surface.light()) >= 4.5, "{ink:?} on light");
            assert!(contrast(ink.dark(), Ink::Surface.dark()) >= 4.5, "{ink:?} on dark");
        }
    }

    #[test]
    fn no_two_roles_share_a_light_colour() {
        for (n, ink) in Ink::ALL.iter().enumerate() {
            assert!(Ink::ALL[n + 1..].iter().all(|other| other.light() != ink.light()), "{ink:?}");
        }
    }
}
