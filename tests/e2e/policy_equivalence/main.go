// Command policy-equivalence reads a JSON list of two policies and tells whether Terraform's AWS provider takes the one
// for the other: it is the provider's own comparison, unmodified. Where it says no, a plan shows a difference.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	awspolicy "github.com/hashicorp/awspolicyequivalence"
)

func main() {
	var policies [2]string
	if err := json.NewDecoder(os.Stdin).Decode(&policies); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	same, err := awspolicy.PoliciesAreEquivalent(policies[0], policies[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Println(same)
}
