package stripesandbox

// Routes are all endpoints: method and pattern.
func Routes() [][2]string {
	var all [][2]string
	for _, r := range routes() {
		all = append(all, [2]string{r.method, r.pattern})
	}
	return all
}
