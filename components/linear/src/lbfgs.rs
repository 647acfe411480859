//! Limited-memory BFGS: minimizes a smooth function of many variables from its values and gradients.
//!
//! Method: D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical
//! Programming 45 (1989); J. Nocedal and S. J. Wright, "Numerical Optimization", algorithms 7.4 and 7.5. First step,
//! memory, restarts, skipped updates and stopping rules are those of L-BFGS-B 3.0 without bounds (Morales and Nocedal
//! 2011), the solver that SciPy and through it scikit-learn use, so that both stop after the same iterations.
//!
//! It is written here because value and gradient come out of one pass over the data: argmin asks for them one by one
//! (two passes) and stops on the Euclidean norm of the gradient instead of its largest entry.

use std::collections::VecDeque;

use crate::line_search::{Advice, LineSearch, Trial};

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 10;
/// Trials of one line search.
const MAX_TRIALS: usize = 50;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Largest absolute entry of the gradient that counts as zero.
    pub(crate) gradient: f64,
    /// Relative decrease of the value that counts as none.
    pub(crate) decrease: f64,
    /// Iterations at most.
    pub(crate) iterations: usize,
}

/// Why the iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The gradient is as good as zero, or the value does not decrease any more.
    Converged,
    /// The limit of iterations is reached.
    Iterations,
    /// No step along the gradient decreases the value.
    Stuck,
}

/// What a run found.
#[derive(Debug)]
pub(crate) struct Minimum {
    pub(crate) point: Vec<f64>,
    /// Largest absolute entry of the gradient at the point.
    pub(crate) gradient: f64,
    pub(crate) iterations: usize,
    pub(crate) stop: Stop,
}

/// A point with the function's value and gradient.
#[derive(Clone)]
struct State {
    point: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// Minimizes a function from `start` on.
///
/// `function` writes the gradient at a point and returns the value; `proceed` is asked before each iteration.
///
/// # Errors
/// That of `proceed`.
pub(crate) fn minimize<E>(
    start: Vec<f64>,
    limits: Limits,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
    mut proceed: impl FnMut() -> Result<(), E>,
) -> Result<Minimum, E> {
    let mut gradient = vec![0.0; start.len()];
    let value = function(&start, &mut gradient);
    let mut current = State { point: start, value, gradient };
    let mut previous = current.clone();
    let mut direction = vec![0.0; current.point.len()];
    let mut memory = Memory::default();
    let mut iterations = 0;
    let mut stop = (largest(&current.gradient) <= limits.gradient).then_some(Stop::Converged);
    while stop.is_none() {
        proceed()?;
        memory.direction(&current.gradient, &mut direction);
        let first_step = if iterations == 0 { (1.0 / dot(&direction, &direction).sqrt()).min(1.0) } else { 1.0 };
        previous.clone_from(&current);
        let Some(step) = search(&mut function, &previous, &direction, first_step, &mut current) else {
            current.clone_from(&previous);
            if memory.corrections.is_empty() {
                stop = Some(Stop::Stuck);
            }
            memory.corrections.clear();
            continue;
        };
        iterations += 1;
        let decrease = previous.value - current.value;
        stop = if largest(&current.gradient) <= limits.gradient
            || decrease <= limits.decrease * previous.value.abs().max(current.value.abs()).max(1.0)
        {
            Some(Stop::Converged)
        } else {
            (iterations >= limits.iterations).then_some(Stop::Iterations)
        };
        memory.remember(&previous, &current, step * -dot(&previous.gradient, &direction));
    }
    let gradient = largest(&current.gradient);
    Ok(Minimum { point: current.point, gradient, iterations, stop: stop.unwrap_or(Stop::Stuck) })
}

/// Searches along a direction, leaves the point found in `current` and returns the step; none if there is no descent.
fn search(
    function: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
    previous: &State,
    direction: &[f64],
    first_step: f64,
    current: &mut State,
) -> Option<f64> {
    let slope = dot(&previous.gradient, direction);
    if !(slope < 0.0 && slope.is_finite()) {
        return None;
    }
    let mut line_search = LineSearch::new(previous.value, slope, first_step);
    let mut step = first_step;
    for _ in 0..MAX_TRIALS {
        for ((target, origin), direction) in current.point.iter_mut().zip(&previous.point).zip(direction) {
            *target = origin + step * direction;
        }
        current.value = function(&current.point, &mut current.gradient);
        let trial = Trial { step, value: current.value, slope: dot(&current.gradient, direction) };
        if !(trial.value.is_finite() && trial.slope.is_finite()) {
            return None;
        }
        match line_search.advise(trial) {
            Advice::Try(next) => step = next,
            Advice::Accept => return Some(step),
        }
    }
    None
}

/// One remembered step, the change of the gradient along it, and their product.
#[derive(Default)]
struct Correction {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

/// The curvature that was seen lately, oldest first.
#[derive(Default)]
struct Memory {
    corrections: VecDeque<Correction>,
}

impl Memory {
    /// Writes the quasi-Newton direction into `direction` (two-loop recursion).
    fn direction(&self, gradient: &[f64], direction: &mut [f64]) {
        for (target, value) in direction.iter_mut().zip(gradient) {
            *target = -value;
        }
        let Some(newest) = self.corrections.back() else {
            return;
        };
        let mut shares = [0.0; MEMORY];
        for (correction, share) in self.corrections.iter().zip(&mut shares).rev() {
            *share = dot(&correction.step, direction) / correction.product;
            add_scaled(direction, -*share, &correction.change);
        }
        let scale = newest.product / dot(&newest.change, &newest.change);
        for target in direction.iter_mut() {
            *target *= scale;
        }
        for (correction, share) in self.corrections.iter().zip(&shares) {
            let correction_share = dot(&correction.change, direction) / correction.product;
            add_scaled(direction, share - correction_share, &correction.step);
        }
    }

    /// Keeps a step, unless the curvature along it is lost in rounding; `descent` is the decrease that the slope at
    /// the start of the step promised.
    fn remember(&mut self, previous: &State, current: &State, descent: f64) {
        let mut correction = if self.corrections.len() == MEMORY {
            self.corrections.pop_front().unwrap_or_default()
        } else {
            Correction::default()
        };
        correction.step.clear();
        correction.step.extend(current.point.iter().zip(&previous.point).map(|(new, old)| new - old));
        correction.change.clear();
        correction.change.extend(current.gradient.iter().zip(&previous.gradient).map(|(new, old)| new - old));
        correction.product = dot(&correction.step, &correction.change);
        if correction.product > f64::EPSILON * descent {
            self.corrections.push_back(correction);
        }
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest: f64, value| if value.is_nan() { f64::NAN } else { largest.max(value.abs()) })
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn add_scaled(target: &mut [f64], factor: f64, values: &[f64]) {
    for (target, value) in target.iter_mut().zip(values) {
        *target += factor * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const LIMITS: Limits = Limits { gradient: 1e-9, decrease: 0.0, iterations: 200 };

    fn run(start: &[f64], limits: Limits, function: impl FnMut(&[f64], &mut [f64]) -> f64) -> Minimum {
        minimize(start.to_vec(), limits, function, || Ok::<(), Infallible>(())).unwrap()
    }

    fn rosenbrock(point: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let mut value = 0.0;
        for index in 1..point.len() {
            let (before, here) = (point[index - 1], point[index]);
            let bend = here - before * before;
            value += 100.0 * bend * bend + (1.0 - before).powi(2);
            gradient[index - 1] += -400.0 * bend * before - 2.0 * (1.0 - before);
            gradient[index] += 200.0 * bend;
        }
        value
    }

    #[test]
    fn finds_the_minimum_of_rosenbrocks_function() {
        for start in [vec![-1.2, 1.0], vec![0.0; 10], vec![3.0; 30]] {
            let minimum = run(&start, LIMITS, rosenbrock);
            assert_eq!(minimum.stop, Stop::Converged);
            assert!(minimum.point.iter().all(|value| (value - 1.0).abs() < 1e-7), "{minimum:?}");
        }
    }

    #[test]
    fn says_why_it_stops() {
        let limited = run(&[-1.2, 1.0], Limits { iterations: 3, ..LIMITS }, rosenbrock);
        assert_eq!((limited.stop, limited.iterations), (Stop::Iterations, 3));
        let done = run(&[1.0, 1.0], LIMITS, rosenbrock);
        assert_eq!((done.stop, done.iterations), (Stop::Converged, 0));
        let infinite = run(&[1.0], LIMITS, |_, gradient| {
            gradient[0] = f64::INFINITY;
            0.0
        });
        assert_eq!(infinite.stop, Stop::Stuck);
    }

    #[test]
    fn ends_when_it_is_told_to() {
        let mut left = 2;
        let stopped = minimize(vec![-1.2, 1.0], LIMITS, rosenbrock, || {
            left -= 1;
            if left == 0 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(stopped.unwrap_err(), "enough");
    }
}
