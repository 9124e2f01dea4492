// What Terraform's provider for Elasticsearch does with a user: its calls, in its order, with its client.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esapi"
)

const username = "terraform"

// A hash that no known password has.
const hash = "$2a$10$abcdefghijklmnopqrstuuXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"

var results *os.File

func body(fields map[string]any) io.Reader {
	text, err := json.Marshal(fields)
	if err != nil {
		log.Fatal(err)
	}
	return bytes.NewReader(text)
}

// step gives a function for what a call returns.
func step(name string) func(*esapi.Response, error) {
	return func(response *esapi.Response, err error) {
		if err != nil {
			log.Fatal(name, ": ", err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(name, ": ", err)
		}
		fmt.Fprintf(results, "%s %d %s\n", name, response.StatusCode, text)
	}
}

func main() {
	var err error
	if results, err = os.Create(os.Getenv("RESULTS")); err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(results, "go-elasticsearch %s\n", elasticsearch.Version)
	client, err := elasticsearch.NewClient(elasticsearch.Config{
		Addresses: []string{os.Getenv("API_URL")},
		Username:  os.Getenv("API_USERNAME"),
		Password:  os.Getenv("API_PASSWORD"),
	})
	if err != nil {
		log.Fatal(err)
	}
	users := client.Security
	read := func() { step("read")(users.GetUser(users.GetUser.WithUsername(username))) }

	step("info")(client.Info())
	read()
	step("create")(users.PutUser(username, body(map[string]any{
		"password": "a-first-password", "roles": []string{"viewer"}, "enabled": true, "metadata": map[string]any{},
	})))
	read()
	step("update")(users.PutUser(username, body(map[string]any{
		"password_hash": hash, "roles": []string{"editor"}, "full_name": "Terra Form", "enabled": true,
		"metadata": map[string]any{"team": "x"},
	})))
	step("password")(users.ChangePassword(body(map[string]any{"password": "a-second-password"}), users.ChangePassword.WithUsername(username)))
	step("disable")(users.DisableUser(username))
	read()
	step("enable")(users.EnableUser(username))
	step("delete")(users.DeleteUser(username))
	read()
}
