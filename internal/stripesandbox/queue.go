package stripesandbox

// queue is a heap: pop returns the item that is before all others.
type queue[T any] struct {
	items  []T
	before func(a, b T) bool
}

func (q *queue[T]) len() int { return len(q.items) }

// first returns what pop would. The queue must not be empty.
func (q *queue[T]) first() T { return q.items[0] }

func (q *queue[T]) push(item T) {
	q.items = append(q.items, item)
	for i := len(q.items) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.before(q.items[i], q.items[parent]) {
			return
		}
		q.items[i], q.items[parent] = q.items[parent], q.items[i]
		i = parent
	}
}

// pop takes out the first item. The queue must not be empty.
func (q *queue[T]) pop() T {
	var zero T
	last := len(q.items) - 1
	top := q.items[0]
	q.items[0], q.items[last] = q.items[last], zero
	q.items = q.items[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if q.before(q.items[child], q.items[least]) {
				least = child
			}
		}
		if least == i {
			return top
		}
		q.items[i], q.items[least] = q.items[least], q.items[i]
		i = least
	}
}
