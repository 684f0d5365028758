//! Typed `u32` ids and the vectors they index.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// Declares a four-byte id type for [`IdVec`]; `Option` of it is four bytes as well.
#[macro_export]
macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::num::NonZeroU32);

        impl $name {
            /// The id of the element at `index`.
            #[must_use]
            pub fn new(index: usize) -> Self {
                let n = u32::try_from(index + 1).expect("fewer than four billion elements");
                Self(std::num::NonZeroU32::new(n).expect("index + 1 is positive"))
            }

            /// The position this id stands for.
            #[must_use]
            pub fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }

        impl From<usize> for $name {
            fn from(index: usize) -> Self {
                Self::new(index)
            }
        }

        impl From<$name> for usize {
            fn from(id: $name) -> usize {
                id.index()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.index())
            }
        }
    };
}

/// A vector indexed by one id type alone, so that a block id cannot index functions.
#[derive(Clone, PartialEq, Eq)]
pub struct IdVec<I, T> {
    items: Vec<T>,
    id: PhantomData<fn(I)>,
}

impl<I: Copy + From<usize> + Into<usize>, T> IdVec<I, T> {
    /// An empty vector.
    #[must_use]
    pub fn new() -> Self {
        Self { items: Vec::new(), id: PhantomData }
    }

    /// Appends `item` and returns its id.
    pub fn push(&mut self, item: T) -> I {
        self.items.push(item);
        I::from(self.items.len() - 1)
    }

    /// The id that the next [`IdVec::push`] will return.
    #[must_use]
    pub fn next_id(&self) -> I {
        I::from(self.items.len())
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Elements in id order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// Elements in id order, to change.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.items.iter_mut()
    }

    /// Ids with their elements.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (I, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(i, item)| (I::from(i), item))
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.items.len()).map(I::from)
    }

    /// The element of `id`, if there is one.
    #[must_use]
    pub fn get(&self, id: I) -> Option<&T> {
        self.items.get(id.into())
    }

    /// Moves all items into a vector without spare room; this one stays with its own, empty.
    #[must_use]
    pub fn take_exact(&mut self) -> Self {
        Self { items: exact(&mut self.items), id: PhantomData }
    }
}

/// Moves all of `items` into a vector without spare room.
pub fn exact<T>(items: &mut Vec<T>) -> Vec<T> {
    let mut taken = Vec::with_capacity(items.len());
    taken.append(items);
    taken
}

impl<I: Copy + From<usize> + Into<usize>, T: Clone> IdVec<I, T> {
    /// `n` clones of `item`.
    #[must_use]
    pub fn filled(item: T, n: usize) -> Self {
        Self { items: vec![item; n], id: PhantomData }
    }
}

impl<I: Copy + From<usize> + Into<usize>, T> Default for IdVec<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Copy + From<usize> + Into<usize>, T> FromIterator<T> for IdVec<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(iter: A) -> Self {
        Self { items: iter.into_iter().collect(), id: PhantomData }
    }
}

impl<'a, I, T> IntoIterator for &'a IdVec<I, T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<I, T> IntoIterator for IdVec<I, T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<I: Into<usize>, T> Index<I> for IdVec<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.items[id.into()]
    }
}

impl<I: Into<usize>, T> IndexMut<I> for IdVec<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[id.into()]
    }
}

impl<I, T: std::fmt::Debug> std::fmt::Debug for IdVec<I, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::IdVec;

    define_id!(/// An id of this test.
        TestId);

    #[test]
    fn an_optional_id_is_four_bytes() {
        assert_eq!(size_of::<Option<TestId>>(), 4);
    }

    #[test]
    fn ids_index_what_they_were_given_for() {
        let mut items: IdVec<TestId, &str> = IdVec::new();
        let first = items.push("a");
        let second = items.push("b");
        assert_eq!((items[first], items[second], items.len()), ("a", "b", 2));
        assert_eq!(items.next_id(), TestId::new(2));
    }
}
