//! The pictures on the tools' buttons.

use eframe::egui::{Color32, Painter, Pos2, Stroke, Vec2, epaint::EllipseShape, vec2};
use reading::{Kind, Tool};

/// Draws a tool's icon about 16 points wide.
pub fn paint(tool: Tool, painter: &Painter, center: Pos2, color: Color32) {
    let stroke = Stroke::new(1.4, color);
    let line = |points: &[(f32, f32)]| {
        let at = |&(x, y): &(f32, f32)| center + vec2(x, y);
        for pair in points.windows(2) {
            painter.line_segment([at(&pair[0]), at(&pair[1])], stroke);
        }
    };
    let dot = |x: f32, y: f32| {
        painter.circle_filled(center + vec2(x, y), 1.8, color);
    };
    let oval = |offset: Vec2, radius: Vec2| {
        painter.add(EllipseShape::stroke(center + offset, radius, stroke));
    };
    match tool {
        Tool::Select => line(&[(-4.0, -6.0), (-4.0, 6.0), (0.0, 2.0), (5.0, 2.0), (-4.0, -6.0)]),
        Tool::Brush => {
            line(&[(6.0, -6.0), (0.0, 1.0)]);
            painter.circle_filled(center + vec2(-3.0, 4.0), 3.4, color);
        }
        Tool::Eraser => line(&[(-6.0, 2.0), (0.0, -5.0), (6.0, 0.0), (0.0, 6.0), (-3.0, 6.0), (-6.0, 2.0)]),
        Tool::Grow => {
            painter.circle_filled(center, 2.2, color);
            oval(Vec2::ZERO, vec2(6.5, 5.5));
        }
        Tool::Draw(kind) => match kind {
            Kind::Probe => {
                line(&[(-6.0, 0.0), (6.0, 0.0)]);
                line(&[(0.0, -6.0), (0.0, 6.0)]);
            }
            Kind::Length => {
                line(&[(-6.0, 5.0), (6.0, -5.0)]);
                dot(-6.0, 5.0);
                dot(6.0, -5.0);
            }
            Kind::Angle => line(&[(6.0, -5.0), (-6.0, 5.0), (7.0, 5.0)]),
            Kind::Cobb => {
                line(&[(-6.0, -6.0), (6.0, -3.0)]);
                line(&[(-6.0, 5.0), (6.0, 2.0)]);
            }
            Kind::Bidirectional => {
                line(&[(-6.0, 4.0), (6.0, -4.0)]);
                line(&[(-2.5, -4.0), (2.5, 4.0)]);
            }
            Kind::Ellipse => oval(Vec2::ZERO, vec2(7.0, 5.0)),
            Kind::Rectangle => line(&[(-6.0, -5.0), (6.0, -5.0), (6.0, 5.0), (-6.0, 5.0), (-6.0, -5.0)]),
            Kind::Freehand => line(&[
                (-5.0, 3.0),
                (-6.0, -2.0),
                (-2.0, -6.0),
                (1.0, -2.0),
                (6.0, -3.0),
                (5.0, 4.0),
                (0.0, 6.0),
                (-5.0, 3.0),
            ]),
            Kind::Arrow => {
                line(&[(6.0, -6.0), (-5.0, 5.0)]);
                line(&[(-5.0, 0.0), (-5.0, 5.0), (0.0, 5.0)]);
            }
            Kind::Box => {
                line(&[
                    (-6.0, -2.0),
                    (3.0, -2.0),
                    (3.0, 6.0),
                    (-6.0, 6.0),
                    (-6.0, -2.0),
                    (-3.0, -6.0),
                    (6.0, -6.0),
                ]);
                line(&[(6.0, -6.0), (6.0, 2.0), (3.0, 6.0)]);
                line(&[(3.0, -2.0), (6.0, -6.0)]);
            }
            Kind::Ellipsoid => {
                oval(Vec2::ZERO, vec2(6.5, 6.5));
                oval(Vec2::ZERO, vec2(6.5, 2.4));
            }
            Kind::KeyImage => {
                let corner = |i: usize| {
                    let angle = i as f32 * std::f32::consts::TAU * 0.4 - std::f32::consts::FRAC_PI_2;
                    let at = Vec2::angled(angle) * 7.0;
                    (at.x, at.y)
                };
                line(&[corner(0), corner(1), corner(2), corner(3), corner(4), corner(5)]);
            }
            _ => dot(0.0, 0.0),
        },
    }
}
